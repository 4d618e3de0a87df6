import type { Host } from "../initializer/host.ts";
import {
  awaitHostKeys,
  hostKeyLog,
  hostKeyPath,
  olderHostKeys,
  quietHostKeysPath,
  removeHostKeys,
  startHostKeys,
} from "../initializer/host-keys.ts";
import { asObject, asTexts, type JsonObject } from "../initializer/json-values.ts";
import { run, waitFor } from "../initializer/processes.ts";
import { dropbearKeyOf } from "./openssh-key.ts";
import { asFlag } from "./users-groups-normal.ts";

type Problem = (text: string) => void;

/** RSA too, on a slow machine. */
const makingLimitMs = 30_000;
const awaitingLimitMs = 8000;
const convertingLimitMs = 5000;
const knownTypes = ["ed25519", "ecdsa", "rsa"];

/**
 * Host keys as cloud-config wants them: given ones, or ones of the types asked for, made once per instance: an instance that was made from a copy of another one
 * gets new ones, unless `ssh_deletekeys` is false.
 */
export function configureHostKeys(host: Host, config: JsonObject, isNew: boolean, problem: Problem): void {
  if (asFlag(asObject(config["ssh"])?.["emit_keys_to_console"]) === false) host.writeFile(quietHostKeysPath, "", 0o644);
  const given = giveHostKeys(host, asObject(config["ssh_keys"]) ?? {}, problem);
  if (given.length > 0) removeHostKeys(host, given);
  else makeHostKeys(host, config, isNew, problem);
}

function makeHostKeys(host: Host, config: JsonObject, isNew: boolean, problem: Problem): void {
  const older = isNew && asFlag(config["ssh_deletekeys"]) !== false ? olderHostKeys(host) : [];
  const asked = config["ssh_genkeytypes"] === undefined ? undefined : asTexts(config["ssh_genkeytypes"]);
  for (const type of asked?.filter((type) => !knownTypes.includes(type)) ?? [])
    problem(`ssh_genkeytypes: host keys of type ${JSON.stringify(type)} are not supported`);
  const wanted = asked?.filter((type) => knownTypes.includes(type)) ?? [];
  const types = wanted.length > 0 ? wanted : undefined;
  if (older.length === 0 && types === undefined) return;
  awaitHostKeys(host, awaitingLimitMs);
  const kept = (types ?? knownTypes).filter((type) => !older.includes(type));
  removeHostKeys(host, kept);
  const making = startHostKeys(host, types);
  for (const [index, status] of waitFor(host, making, makingLimitMs).entries()) {
    if (status === undefined) making[index]?.kill();
    if (status !== 0) problem(`cannot make an ssh host key: dropbearkey ${status ?? "takes too long"}`);
  }
  // A guest that nobody can reach is worse than one with keys of other types.
  if (![...kept, ...(types ?? [])].some((type) => host.attributes(hostKeyPath(type) ?? "") !== undefined))
    waitFor(host, startHostKeys(host), makingLimitMs);
}

/** Keys in OpenSSH's form (`ed25519_private`); dropbear reads its own only, so they are converted. The types that are there now. */
function giveHostKeys(host: Host, keys: JsonObject, problem: Problem): string[] {
  const given = Object.entries(keys).filter(([name]) => name.endsWith("_private"));
  if (given.length === 0) return [];
  awaitHostKeys(host, awaitingLimitMs);
  return given.flatMap(([name, text]) => {
    const type = name.replace("_private", "");
    const path = hostKeyPath(type);
    if (path === undefined || typeof text !== "string") {
      problem(`ssh_keys: ${JSON.stringify(name)} is no host key of a type that is supported`);
      return [];
    }
    const own = type === "ed25519" ? dropbearKeyOf(text) : undefined;
    const isGiven = own === undefined ? convertKey(host, { name, type, path, text }, problem) : putKey(host, path, own);
    // What dropbearkey has said of the key before it.
    if (isGiven) for (const old of [`${path}.pub`, hostKeyLog(type)]) host.remove(old);
    return isGiven ? [type] : [];
  });
}

function putKey(host: Host, path: string, bytes: Uint8Array): true {
  host.makeDirectory(path.slice(0, path.lastIndexOf("/")), 0o755);
  host.writeFile(path, bytes, 0o600);
  return true;
}

/** By dropbear's own program, which knows all types, if the image has it. */
function convertKey(
  host: Host,
  { name, type, path, text }: Readonly<Record<"name" | "type" | "path" | "text", string>>,
  problem: Problem,
): boolean {
  const converter = ["/usr/bin/dropbearconvert", "/usr/lib/dropbear/dropbearconvert"].find(
    (path) => host.attributes(path) !== undefined,
  );
  if (converter === undefined) {
    problem(
      `ssh_keys: ${name} is no ed25519 key without a passphrase, and this image has no dropbearconvert for others`,
    );
    return false;
  }
  const inputPath = "/run/cloudimg/host-key";
  const made = `/etc/dropbear/given-${type}`;
  try {
    host.writeFile(inputPath, text.trim().replace(/\r\n?/g, "\n").concat("\n"), 0o600);
    // The converter makes the file itself, for its owner alone; what it says could hold parts of the key.
    const script = `umask 077; ${converter} openssh dropbear ${inputPath} ${made} && mv ${made} ${path}`;
    const { status } = run(host, { argv: ["sh", "-c", script] }, convertingLimitMs);
    if (status !== 0) problem(`ssh_keys: dropbearconvert cannot read ${name}`);
    return status === 0;
  } finally {
    host.remove(inputPath);
    host.remove(made);
  }
}
