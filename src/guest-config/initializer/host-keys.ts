import { encodeBase64, sha256 } from "./bytes.ts";
import type { Host, Process } from "./host.ts";

/** What Debian's dropbear looks for. No RSA: making one takes a slow machine many seconds. */
const keyFiles = [
  { type: "ed25519", path: "/etc/dropbear/dropbear_ed25519_host_key" },
  { type: "ecdsa", path: "/etc/dropbear/dropbear_ecdsa_host_key" },
] as const;
const generator = "/usr/bin/dropbearkey";
const longestKeyBytes = 4096;

/** Starts making the keys that are missing; an image has none, so that no two instances share one. */
export function startHostKeys(host: Host): Process[] {
  if (host.attributes(generator) === undefined) return [];
  host.makeDirectory("/etc/dropbear", 0o755);
  return keyFiles
    .filter(({ path }) => (host.attributes(path)?.sizeBytes ?? 0) === 0)
    .map(({ type, path }) => {
      host.remove(path);
      return host.start({ argv: [generator, "-t", type, "-f", path], outputPath: `/run/cloudimg/${type}.log` });
    });
}

export interface PublicKey {
  /** As in known_hosts: `ssh-ed25519 AAAA…`. */
  readonly line: string;
  /** As ssh prints it: `SHA256:…`. */
  readonly fingerprint: string;
}

export function readHostKeys(host: Host): PublicKey[] {
  return keyFiles
    .map(({ path }) => host.readBytes(path, 0, longestKeyBytes))
    .map((bytes) => (bytes === undefined ? undefined : publicKey(bytes)))
    .filter((key) => key !== undefined);
}

/**
 * The public half of a private key as dropbear keeps it, without starting a program. Strings are as in SSH (RFC 4251 section 5). Ed25519: the type, then seed and
 * public key in one string. ECDSA: type, curve, public point, secret.
 */
export function publicKey(file: Uint8Array): PublicKey | undefined {
  const strings: Uint8Array[] = [];
  for (let at = 0; at + 4 <= file.length && strings.length < 3; ) {
    const length = new DataView(file.buffer, file.byteOffset).getUint32(at);
    if (at + 4 + length > file.length) break;
    strings.push(file.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  const [typeBytes, second] = strings;
  if (typeBytes === undefined || second === undefined) return undefined;
  const type = String.fromCharCode(...typeBytes);
  if (type === "ssh-ed25519" && second.length === 64) return describe(type, [typeBytes, second.subarray(32)]);
  if (type.startsWith("ecdsa-sha2-") && strings.length === 3) return describe(type, strings);
  return undefined;
}

function describe(type: string, strings: readonly Uint8Array[]): PublicKey {
  const blob = new Uint8Array(strings.reduce((sum, { length }) => sum + 4 + length, 0));
  let at = 0;
  for (const bytes of strings) {
    new DataView(blob.buffer).setUint32(at, bytes.length);
    blob.set(bytes, at + 4);
    at += 4 + bytes.length;
  }
  const fingerprint = encodeBase64(sha256(blob)).replace(/=+$/, "");
  return { line: `${type} ${encodeBase64(blob)}`, fingerprint: `SHA256:${fingerprint}` };
}
