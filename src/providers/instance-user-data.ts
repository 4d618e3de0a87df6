import type { RunKey } from "../smoke/run-key.ts";

/** What an instance of a run is told besides what the image's owner has written. */
export interface InstanceUserData {
  /** The owner's: a script, cloud-config, anything that guests read. It stays as it is. */
  readonly given?: string | Uint8Array | undefined;
  /** An ed25519 pair that becomes the instance's ssh host key: so it is known before the instance is there. */
  readonly hostKey?: RunKey | undefined;
  /** Where the guest sends its boot log: cloudimg-init does, others know nothing of it. */
  readonly consoleUrl?: string | undefined;
  /** Lines for authorized_keys of the default user. */
  readonly authorizedKeys?: readonly string[] | undefined;
  /** Whom the run logs in as, if that is not root: a cloud gives its key pair to the default user only. */
  readonly user?: { readonly name: string; readonly authorizedKeys: readonly string[] } | undefined;
}

/**
 * User data with a further part of our own, if there is anything to say in it: a MIME multipart (RFC 2046 §5.1) as cloud-init reads it. What is a multipart already becomes
 * a part of it as it is.
 */
export function instanceUserData(told: InstanceUserData): Uint8Array | undefined {
  const given = typeof told.given === "string" ? Buffer.from(told.given) : told.given;
  const own = ownConfig(told);
  if (own === undefined) return given;
  return given === undefined || given.length === 0 ? Buffer.from(own) : joined(Buffer.from(given), own);
}

/** JSON's texts are YAML's too. Of a key that it does not know real cloud-init warns; a cloudimg-init that does not know `x-cloudimg` says nothing. */
function ownConfig({ hostKey, consoleUrl, authorizedKeys = [], user }: InstanceUserData): string | undefined {
  const lines = [
    ...(authorizedKeys.length === 0
      ? []
      : ["ssh_authorized_keys:", ...authorizedKeys.map((line) => `  - ${yaml(line)}`)]),
    ...(user === undefined
      ? []
      : [
          "users:",
          "  - default",
          `  - name: ${yaml(user.name)}`,
          "    ssh_authorized_keys:",
          ...user.authorizedKeys.map((line) => `      - ${yaml(line)}`),
        ]),
    ...(hostKey === undefined
      ? []
      : [
          "ssh_keys:",
          "  ed25519_private: |",
          ...hostKey.privateKey
            .trim()
            .split(/\r?\n/)
            .map((line) => `    ${line}`),
          `  ed25519_public: ${yaml(hostKey.publicKeyLine)}`,
        ]),
    ...(consoleUrl === undefined ? [] : ["x-cloudimg:", `  console_url: ${yaml(consoleUrl)}`]),
  ];
  return lines.length === 0 ? undefined : `#cloud-config\n${lines.join("\n")}\n`;
}

function yaml(text: string): string {
  return JSON.stringify(text.trim());
}

/**
 * Keys of ours are added to the owner's, and the host key is ours alone: a list of the part goes after the one before it, a text in place of it, a mapping is joined.
 */
const merging = "Merge-Type: list(append)+dict(recurse_array,recurse_str)+str()";

function joined(given: Buffer, own: string): Buffer {
  const parts = [
    isMultipart(given) ? given : part([`Content-Type: ${typeOf(given)}`], given),
    part(['Content-Type: text/cloud-config; charset="utf-8"', merging], Buffer.from(own)),
  ];
  const boundary = freeBoundary(parts);
  const head = `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n\n`;
  return Buffer.concat([
    Buffer.from(head),
    ...parts.flatMap((part) => [Buffer.from(`--${boundary}\n`), part, Buffer.from("\n")]),
    Buffer.from(`--${boundary}--\n`),
  ]);
}

/** A multipart of ours may be within ours. */
function freeBoundary(parts: readonly Buffer[]): string {
  for (let n = 1; ; n++) {
    const boundary = `==cloudimg-parts-${n}==`;
    if (!parts.some((part) => part.includes(boundary))) return boundary;
  }
}

/** As it is, if it is plain text: base64 would cost a third of what clouds take. Lines are limited (RFC 5322 §2.1.1). */
function part(headers: readonly string[], body: Buffer): Buffer {
  const text = body.toString("latin1");
  const isPlain = /^[\t\n\x20-\x7e]*$/.test(text) && !/[^\n]{999}/.test(text);
  const lines = isPlain ? [text] : (body.toString("base64").match(/.{1,76}/g) ?? []);
  const encoding = isPlain ? "7bit" : "base64";
  return Buffer.from(
    [...headers, "MIME-Version: 1.0", `Content-Transfer-Encoding: ${encoding}`, "", ...lines].join("\n"),
  );
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
