import { fail } from "../../core/errors.ts";

/** `RunInstances.UserData`: before base64. */
export const mostUserDataBytes = 16 * 1024;

/** Tencent's key pairs are RSA ones only (`ImportKeyPair.PublicKey`). */
export function isKeyForKeyPair(publicKeyLine: string): boolean {
  return publicKeyLine.startsWith("ssh-rsa ");
}

/**
 * User data that also carries a key which no key pair can hold, as a part of its own: what the image's owner wrote is left as it is.
 * Errors: `cloud/refused`: longer than Tencent takes.
 */
export function userDataWith(given: Uint8Array | undefined, publicKeyLine: string): Uint8Array | undefined {
  const key = isKeyForKeyPair(publicKeyLine) ? undefined : keyPart(publicKeyLine);
  const all = key === undefined ? given : given === undefined ? Buffer.from(key) : joined(Buffer.from(given), key);
  if (all !== undefined && all.length > mostUserDataBytes)
    fail("cloud/refused", `cannot launch the instance: its user data has ${all.length} bytes`, {
      hint: `Tencent Cloud takes ${mostUserDataBytes}; let the guest fetch the rest`,
    });
  return all;
}

function keyPart(publicKeyLine: string): string {
  return `#cloud-config\nssh_authorized_keys:\n  - ${JSON.stringify(publicKeyLine.trim())}\n`;
}

const boundary = "==cloudimg-parts==";

/** RFC 2046 §5.1, as cloud-init reads it: `Merge-Type` says that lists are appended to those of the parts before. */
function joined(given: Buffer, key: string): Buffer {
  const merge = "Merge-Type: list(append)+dict(recurse_array)+str()";
  const parts = [
    isMultipart(given) ? given : part([`Content-Type: ${typeOf(given)}`], given),
    part(['Content-Type: text/cloud-config; charset="utf-8"', merge], Buffer.from(key)),
  ];
  const head = `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n\n`;
  return Buffer.concat([
    Buffer.from(head),
    ...parts.flatMap((part) => [Buffer.from(`--${boundary}\n`), part, Buffer.from("\n")]),
    Buffer.from(`--${boundary}--\n`),
  ]);
}

function part(headers: readonly string[], body: Buffer): Buffer {
  const lines = body.toString("base64").match(/.{1,76}/g) ?? [];
  const all = [...headers, "MIME-Version: 1.0", "Content-Transfer-Encoding: base64", "", ...lines];
  return Buffer.from(all.join("\n"));
}

/** It becomes a part as it is: its own headers are the part's. */
function isMultipart(given: Buffer): boolean {
  return /^(mime-version:[^\n]*\n)?content-type: *multipart\//i.test(given.subarray(0, 256).toString("latin1"));
}

/** What says nothing of itself is found out by the guest. */
function typeOf(given: Buffer): string {
  if (given[0] === 0x1f && given[1] === 0x8b) return "application/gzip";
  const text = given.subarray(0, 64).toString("latin1");
  if (/^#cloud-config\s/.test(text)) return "text/cloud-config";
  return text.startsWith("#!") ? "text/x-shellscript" : "text/plain";
}
