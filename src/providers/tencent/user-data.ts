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

/** RFC 2046 §5.1, as cloud-init reads it: `Merge-Type` says that lists are appended to those of the parts before. */
function joined(given: Buffer, key: string): Buffer {
  const boundary = "==cloudimg-parts==";
  const part = (headers: readonly string[], body: Buffer) =>
    [`--${boundary}`, ...headers, "MIME-Version: 1.0", "Content-Transfer-Encoding: base64", "", wrap(body), ""].join(
      "\n",
    );
  const message = [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    "MIME-Version: 1.0",
    "",
    part([`Content-Type: ${typeOf(given)}`], given) +
      part(
        ['Content-Type: text/cloud-config; charset="utf-8"', "Merge-Type: list(append)+dict(recurse_array)+str()"],
        Buffer.from(key),
      ),
  ].join("\n");
  return Buffer.from(`${message}--${boundary}--\n`);
}

/** What follows no sign, such as gzip, is found out by the guest. */
function typeOf(given: Buffer): string {
  const text = given.subarray(0, 64).toString("latin1");
  if (text.startsWith("#cloud-config\n") || text.startsWith("#cloud-config\r")) return "text/cloud-config";
  if (text.startsWith("#!")) return "text/x-shellscript";
  if (/^content-type: *multipart\//i.test(text)) return "message/rfc822";
  return "text/plain";
}

function wrap(body: Buffer): string {
  return (body.toString("base64").match(/.{1,76}/g) ?? []).join("\n");
}
