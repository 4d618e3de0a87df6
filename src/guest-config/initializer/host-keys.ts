import { encodeBase64 } from "./bytes.ts";
import type { Host, Process } from "./host.ts";
import { run } from "./processes.ts";

/** Where Debian's dropbear looks for its keys. */
const keyFiles = [
  { type: "ed25519", path: "/etc/dropbear/dropbear_ed25519_host_key" },
  { type: "ecdsa", path: "/etc/dropbear/dropbear_ecdsa_host_key" },
  { type: "rsa", path: "/etc/dropbear/dropbear_rsa_host_key" },
] as const;
/** No RSA: making one takes a slow machine many seconds. */
const usualTypes: readonly string[] = ["ed25519", "ecdsa"];
const generator = "/usr/bin/dropbearkey";
const longestKeyBytes = 4096;

export const hostKeyPaths: readonly string[] = keyFiles.map(({ path }) => path);

export function hostKeyPath(type: string): string | undefined {
  return keyFiles.find((file) => file.type === type)?.path;
}

/** Starts making the keys that are missing; an image has none, so that no two instances share one. */
export function startHostKeys(host: Host, types = usualTypes): Process[] {
  if (host.attributes(generator) === undefined) return [];
  host.makeDirectory("/etc/dropbear", 0o755);
  return keyFiles
    .filter(({ type, path }) => types.includes(type) && (host.attributes(path)?.sizeBytes ?? 0) === 0)
    .map(({ type, path }) => {
      removeKey(host, path);
      return host.start({ argv: [generator, "-t", type, "-f", path], outputPath: hostKeyLog(type) });
    });
}

/** Removes the keys: of an instance that was made from a copy of another one, and those of types that are not wanted. */
export function removeHostKeys(host: Host, kept: readonly string[] = []): void {
  for (const { path } of keyFiles.filter(({ type }) => !kept.includes(type))) removeKey(host, path);
}

/** Waits for those that somebody else has started to make, such as the first half of a boot: for its log to tell the fingerprint. */
export function awaitHostKeys(host: Host, limitMs: number): void {
  const isMade = (text: string | undefined) => text === undefined || fingerprintIn(text) !== undefined;
  const startMs = host.nowMs();
  while (!keyFiles.every(({ type }) => isMade(host.readText(hostKeyLog(type)))) && host.nowMs() - startMs < limitMs)
    host.sleepMs(20);
}

/** With the public half that dropbearkey writes beside it, but never over another. */
function removeKey(host: Host, path: string): void {
  host.remove(path);
  host.remove(`${path}.pub`);
}

/** Types of the keys that are there but were not made in this boot: another instance may have them too. */
export function olderHostKeys(host: Host): string[] {
  return keyFiles
    .filter(({ path }) => host.attributes(path) !== undefined)
    .map(({ type }): string => type)
    .filter((type) => !/^Generating /m.test(host.readText(hostKeyLog(type)) ?? ""));
}

/** While this file is there, the console gets no host keys. */
export const quietHostKeysPath = "/run/cloudimg/host-keys.quiet";

export interface PublicKey {
  /** As in known_hosts: `ssh-ed25519 AAAA…`. */
  readonly line: string;
  /** As ssh prints it: `SHA256:…`. */
  readonly fingerprint: string;
}

/** Key and fingerprint in a line: hashing here, in an interpreter, or by a program would cost every boot some milliseconds. */
const knownFile = "/var/lib/cloudimg/host-keys";
const describeLimitMs = 3000;

/** The public halves of the keys that are there, whoever made them. */
export function readHostKeys(host: Host): PublicKey[] {
  const known = host.readText(knownFile) ?? "";
  const keys = keyFiles.flatMap(({ type, path }) => {
    const file = host.readBytes(path, 0, longestKeyBytes);
    const line = file === undefined ? undefined : publicLine(file);
    if (line === undefined) return [];
    const lines = known.split("\n").filter((text) => text.startsWith(`${line} `));
    const fingerprint = lines[0]?.slice(line.length + 1) ?? describe(host, type, path, line);
    return fingerprint === undefined ? [] : [{ line, fingerprint }];
  });
  const text = keys.map(({ line, fingerprint }) => `${line} ${fingerprint}\n`).join("");
  if (text !== known) keepKnown(host, text);
  return keys;
}

function keepKnown(host: Host, text: string): void {
  try {
    host.makeDirectory("/var/lib/cloudimg", 0o755);
    host.writeFile(knownFile, text, 0o644);
  } catch {
    // A disk that takes nothing: then dropbearkey is asked at each boot.
  }
}

/** What dropbearkey said when it made this very key just now, else what it says when asked. */
function describe(host: Host, type: string, path: string, line: string): string | undefined {
  const outputPath = hostKeyLog(type);
  const told = host.readText(outputPath);
  if (told?.includes(line)) return fingerprintIn(told);
  return fingerprintIn(run(host, { argv: [generator, "-y", "-f", path], outputPath }, describeLimitMs).output);
}

function fingerprintIn(text: string | undefined): string | undefined {
  return /^Fingerprint: (\S+)/m.exec(text ?? "")?.[1];
}

/** What dropbearkey said when it made or read a key. */
export function hostKeyLog(type: string): string {
  return `/run/cloudimg/dropbearkey.${type}.log`;
}

/**
 * The public half of a private key as dropbear keeps it. Strings are as in SSH (RFC 4251 section 5). Ed25519: the type, then seed and public key in one string.
 * ECDSA: type, curve, public point, secret. RSA: type, exponent, modulus, then the secret ones. Undefined for anything else.
 */
export function publicLine(file: Uint8Array): string | undefined {
  const strings: Uint8Array[] = [];
  let at = 0;
  while (at + 4 <= file.length && strings.length < 3) {
    const end = at + 4 + new DataView(file.buffer, file.byteOffset).getUint32(at);
    if (end > file.length) break;
    strings.push(file.subarray(at, end));
    at = end;
  }
  const [type, second] = strings;
  if (type === undefined || second === undefined) return undefined;
  const name = String.fromCharCode(...type.subarray(4));
  if (name === "ssh-ed25519" && second.length === 4 + 64)
    return `${name} ${encodeBase64(Uint8Array.of(...type, 0, 0, 0, 32, ...second.subarray(4 + 32)))}`;
  if (/^(ecdsa-sha2-|ssh-rsa$)/.test(name) && strings.length === 3)
    return `${name} ${encodeBase64(file.subarray(0, at))}`;
  return undefined;
}
