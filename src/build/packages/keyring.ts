import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Key } from "openpgp";
import type { Context } from "../../core/context.ts";
import { errnoOf, fail } from "../../core/errors.ts";
import { debianArchiveKeys } from "./keys/debian-archive.ts";

const hostKeyrings = "/usr/share/keyrings";

/**
 * The public keys that may sign archives: Debian's, from this host if it has them (they may be newer) and those that come with cloudimg. The
 * environment variable CLOUDIMG_KEYRING names a file with keys to trust *instead*, for archives of your own.
 */
export async function trustedKeys(context: Pick<Context, "environment" | "signal">): Promise<Key[]> {
  const own = context.environment["CLOUDIMG_KEYRING"];
  if (own) return await readKeyring(own, context.signal);
  const keys = new Map<string, Key>();
  const openpgp = await import("openpgp");
  for (const key of await openpgp.readKeys({ armoredKeys: debianArchiveKeys })) keys.set(key.getFingerprint(), key);
  for (const name of await keyringNames())
    for (const key of await readKeyring(join(hostKeyrings, name), context.signal)) keys.set(key.getFingerprint(), key);
  return [...keys.values()];
}

async function keyringNames(): Promise<string[]> {
  try {
    const names = await readdir(hostKeyrings);
    // The keyring of removed keys holds those that must not be trusted any more.
    return names.filter((name) => /^debian-archive-.*\.(gpg|asc)$/.test(name) && !name.includes("removed")).sort();
  } catch (error) {
    if (errnoOf(error) !== undefined) return [];
    throw error;
  }
}

async function readKeyring(path: string, signal: AbortSignal): Promise<Key[]> {
  const openpgp = await import("openpgp");
  try {
    const bytes = await readFile(path, { signal });
    const isArmored = bytes.toString("latin1").trimStart().startsWith("-----BEGIN");
    return isArmored
      ? await openpgp.readKeys({ armoredKeys: bytes.toString("latin1") })
      : await openpgp.readKeys({ binaryKeys: bytes });
  } catch (error) {
    signal.throwIfAborted();
    fail("packages/bad-keyring", `cannot use the keyring ${path}: ${(error as Error).message}`, {
      hint: "name a file with OpenPGP public keys in CLOUDIMG_KEYRING, or leave it unset for Debian's keys",
      cause: error,
    });
  }
}
