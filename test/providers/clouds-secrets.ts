import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect } from "vitest";
import type { Rehearsal } from "../../src/rehearsal/rehearsal.ts";

/** What nobody may find in anything that is written or said. */
export function secretsOf({ account, credentials }: Pick<Rehearsal, "account" | "credentials">): string[] {
  const { secretAccessKey, sessionToken } = credentials;
  return [account.key.secret, secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])];
}

/** Links that let anybody in, in each of their signatures' words, and private keys. */
const tellTales = [
  /[?&]q-signature=/i,
  /q-sign-algorithm/i,
  /X-Amz-Signature/i,
  /X-Amz-Credential/i,
  /X-Amz-Security-Token/i,
  /Authorization["': ]+[A-Z0-9-]+ Credential/i,
  /BEGIN [A-Z ]*PRIVATE KEY/,
];

/** The keys of a run are its own files, and go with its instance. */
const keyFiles = /\/(key|host-key)$/;

/**
 * Looks through all files of a home directory, and all that was said: as text, as JSON, and as Node would print it in full.
 *
 * @param said reports, errors, events
 */
export function expectNoSecrets(secrets: readonly string[], home: string, said: readonly unknown[]): void {
  const texts = new Map<string, string>(filesIn(home).map((path) => [path, readFileSync(path, "latin1")]));
  for (const [index, value] of said.entries()) {
    texts.set(`said ${index}`, inspect(value, { depth: 20, maxArrayLength: null, maxStringLength: null }));
    texts.set(`said ${index} as JSON`, JSON.stringify(value, withErrors) ?? "");
  }
  const found: string[] = [];
  for (const [where, text] of texts) {
    for (const secret of secrets) if (secret.length > 8 && text.includes(secret)) found.push(`${secret} in ${where}`);
    for (const sign of tellTales) if (sign.test(text) && !keyFiles.test(where)) found.push(`${sign} in ${where}`);
  }
  expect(found).toEqual([]);
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Errors have nothing in JSON of their own. */
function withErrors(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { message, stack, cause, ...more } = value as Error & Record<string, unknown>;
  return { message, stack, cause, ...more };
}
