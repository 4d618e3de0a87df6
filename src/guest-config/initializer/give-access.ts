import type { Found } from "../sources/datasource.ts";
import { applyAuthorizedKeys } from "./authorized-keys.ts";
import { decodeBase64 } from "./bytes.ts";
import type { Host } from "./host.ts";

type Report = (problem: string) => void;

/** Feeds the kernel's pool; that is credited nothing, for the cloud may have given the same to others. */
export function feedRandomSeed(host: Host, { randomSeed }: Found, problem: Report): void {
  if (randomSeed === undefined) return;
  const seed = decodeBase64(randomSeed);
  if (seed === undefined) problem("random_seed is no base64");
  else host.append("/dev/urandom", seed);
}

/** Keys by user: those that are given without one are the default user's. */
export function keysByUser(found: Found): Record<string, readonly string[]> {
  const { publicKeys = [], defaultUser = "root", authorizedKeys } = found;
  if (publicKeys.length === 0) return authorizedKeys;
  return { ...authorizedKeys, [defaultUser]: [...publicKeys, ...(authorizedKeys[defaultUser] ?? [])] };
}

/** What the source itself says on who may log in; user data can say more. */
export function giveAccess(host: Host, found: Found, problem: Report) {
  const { added, problems } = applyAuthorizedKeys(host, keysByUser(found));
  for (const text of problems) problem(text);
  return { said: `keys for ${added.join(", ") || "nobody"}`, value: undefined };
}
