import type { Host } from "../initializer/host.ts";
import { dayOf, findRecord, isAccountName, readAccounts, saveAccounts, withPassword } from "./accounts-files.ts";

/** Whether it may stand as a crypt hash in /etc/shadow: crypt(5)'s `$id$…`, or the older form of 13 characters. */
export function isHash(text: string): boolean {
  return /^\$[\w,=-]+\$[^\s:]+$/.test(text) || /^[./0-9A-Za-z]{13}$/.test(text);
}

/**
 * Sets passwords that came as crypt hashes, such as os.conf brings at every boot. Writes nothing if all are so already.
 *
 * @returns what could not be done; no hash is in there
 */
export function setPasswordHashes(host: Host, hashes: Readonly<Record<string, string>>): string[] {
  const problems: string[] = [];
  const before = readAccounts(host);
  let files = before;
  for (const [name, hash] of Object.entries(hashes)) {
    const user = isAccountName(name) ? findRecord("passwd", files, name) : undefined;
    if (user === undefined) problems.push(`there is no user ${name} to set a password for`);
    else if (!isHash(hash)) problems.push(`the password of ${name} is no crypt hash`);
    else if (user[1] !== "x" || findRecord("shadow", files, name)?.[1] !== hash)
      files = withPassword(files, name, hash, dayOf(host));
  }
  try {
    saveAccounts(host, before, files, []);
  } catch (error) {
    problems.push((error as Error).message);
  }
  return problems;
}
