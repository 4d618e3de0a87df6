import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeRunKey, type RunKey } from "../smoke/run-key.ts";
import { writeDurably } from "./journal-store.ts";

/**
 * The key that opens the instance of a run. It is kept beside the journal, for nobody else to read, since after a crash the next try must get into the instance that is there;
 * it is removed with the instance. Errors: `host/no-space`, `host/not-writable`.
 */
export async function keptRunKey(directory: string): Promise<RunKey> {
  return await keptKey(join(directory, "key"));
}

/** The same for the host key that the instance of a run is given: who knows it beforehand need not ask the instance. */
export async function keptHostKey(directory: string): Promise<RunKey> {
  return await keptKey(join(directory, "host-key"));
}

async function keptKey(path: string): Promise<RunKey> {
  const known = read(path);
  if (known !== undefined) return known;
  const key = await makeRunKey();
  // Its directory lets in nobody else, before and after.
  await writeDurably(path, JSON.stringify(key));
  chmodSync(path, 0o600);
  return key;
}

function read(path: string): RunKey | undefined {
  try {
    const { privateKey, publicKeyLine } = JSON.parse(readFileSync(path, "utf8"));
    return typeof privateKey === "string" && typeof publicKeyLine === "string"
      ? { privateKey, publicKeyLine }
      : undefined;
  } catch {
    return undefined;
  }
}
