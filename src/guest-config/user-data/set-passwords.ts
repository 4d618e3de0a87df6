import type { Host } from "../initializer/host.ts";
import { dayOf, findRecord, readAccounts, saveAccounts, withPassword } from "./accounts-files.ts";
import type { Module } from "./module.ts";
import { hashPasswords, isPassword, randomPassword } from "./passwd-hash.ts";
import { type PasswordChange, planPasswords } from "./set-passwords-plan.ts";
import { allowSshPasswords } from "./set-passwords-ssh.ts";
import { isHash } from "./shadow.ts";
import { readUsers } from "./users-groups-default.ts";

/** Passwords of users that are there, and whether ssh takes them. */
export const setPasswords: Module = {
  name: "set_passwords",
  keys: ["password", "chpasswd", "ssh_pwauth"],
  stage: "config",
  frequency: "instance",
  run(config, { host, instance, problem }) {
    const { defaultUser } = readUsers(config, instance, () => {});
    const { changes, expires, sshPasswords } = planPasswords(config, defaultUser, problem);
    const before = readAccounts(host);
    const good = changes.filter(({ name, type, password }) => {
      const isThere = findRecord("passwd", before, name) !== undefined;
      if (!isThere) problem(`there is no user ${JSON.stringify(name)} to set a password for`);
      const isGood = type === "random" || (type === "hash" ? isHash(password) : isPassword(password));
      if (!isGood) problem(`the password of ${name} is no ${type === "hash" ? "crypt hash" : "line of text"}`);
      return isThere && isGood;
    });
    const random = new Map<PasswordChange, string>();
    for (const change of good) if (change.type === "random") random.set(change, randomPassword(host));
    const hashes = hashesOf(host, good, random, problem);
    let files = before;
    for (const [change, hash] of hashes) files = withPassword(files, change.name, hash, expires ? 0 : dayOf(host));
    saveAccounts(host, before, files, []);
    if (hashes.size === good.length) tellRandom(host, random);
    if (sshPasswords !== undefined) allowSshPasswords(host, sshPasswords, problem);
    const said = [...hashes.keys()].map(({ name }) => name);
    if (sshPasswords !== undefined) said.push(`ssh ${sshPasswords ? "takes" : "refuses"} passwords`);
    return said.length === 0 ? undefined : said.join(", ");
  },
};

/** Hashes are taken as they are; if the others cannot be hashed, they are left out. */
function hashesOf(
  host: Host,
  changes: readonly PasswordChange[],
  random: ReadonlyMap<PasswordChange, string>,
  problem: (text: string) => void,
): Map<PasswordChange, string> {
  const plain = changes.filter(({ type }) => type !== "hash");
  let made: readonly (string | undefined)[] = [];
  try {
    made = hashPasswords(
      host,
      plain.map((change) => random.get(change) ?? change.password),
    );
  } catch (error) {
    problem((error as Error).message);
  }
  const hashOf = (change: PasswordChange) => (change.type === "hash" ? change.password : made[plain.indexOf(change)]);
  return new Map(
    changes.flatMap((change) => (hashOf(change) === undefined ? [] : [[change, hashOf(change) as string]])),
  );
}

/** On the console only: the log stays on the disk. */
function tellRandom(host: Host, random: ReadonlyMap<PasswordChange, string>): void {
  if (random.size === 0) return;
  const lines = [...random].map(([{ name }, password]) => `${name}:${password}\n`);
  host.append("/dev/console", `Set the following 'random' passwords\n${lines.join("")}`);
}
