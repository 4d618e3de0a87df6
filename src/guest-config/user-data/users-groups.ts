import { grantKeys, type KeyGrant } from "../initializer/authorized-keys.ts";
import type { Host } from "../initializer/host.ts";
import { asObject, type JsonObject } from "../initializer/json-values.ts";
import { quote } from "../initializer/processes.ts";
import { dayOf, findRecord, readAccounts, saveAccounts, takenIds } from "./accounts-files.ts";
import { withGroups, withMemberships, withUser, withWishedPassword } from "./accounts-plan.ts";
import { type AccountWish, readWish } from "./accounts-wish.ts";
import type { Module } from "./module.ts";
import { hashPasswords } from "./passwd-hash.ts";
import { isTrue } from "./settings.ts";
import { redirectOptions } from "./ssh-keys-plan.ts";
import { rulesFor, writeRules } from "./sudo.ts";
import { readUsers } from "./users-groups-default.ts";

/** Makes the users and groups of cloud-config. Whoever is there gets keys, passwords, groups and rules, and stays as he is otherwise. */
export const usersGroups: Module = {
  name: "users_groups",
  keys: ["users", "groups", "user", "system_info"],
  stage: "config",
  frequency: "instance",
  run(config, { host, instance, problem }) {
    const { users, groups, defaultUser } = readUsers(config, instance, problem);
    const wishes = [...users].flatMap(([name, keys]) => readWish(name, keys, problem) ?? []);
    const named = new Map(wishes.map(({ name }) => [name, users.get(name) as JsonObject]));
    const before = readAccounts(host);
    const isNew = ({ name }: AccountWish) => findRecord("passwd", before, name) === undefined;
    const plainHashes = hashPlainPasswords(host, wishes, problem);
    const day = dayOf(host);
    const ids = takenIds(before);
    let files = before;
    for (const wish of wishes)
      files = withUser(files, ids, wish, { shell: shellOf(host, wish, isNew(wish), problem), day }, problem);
    files = withGroups(files, ids, groups, problem);
    files = withMemberships(files, ids, wishes, problem);
    for (const wish of wishes) files = withWishedPassword(files, wish, isNew(wish), plainHashes.get(wish.name), day);
    const made = wishes.filter(isNew);
    const homes = made.flatMap(({ name, hasHome }) => {
      const [, , uid = "", gid = "", , home = "/"] = findRecord("passwd", files, name) ?? [];
      return hasHome && host.attributes(home) === undefined ? [homeCommand(host, home, `${uid}:${gid}`)] : [];
    });
    // Without them, whoever is there can still get his keys.
    const isSaved = attempt(problem, () => {
      saveAccounts(host, before, files, homes);
      return true;
    });
    allowShells(host, made, problem);
    attempt(problem, () => writeRules(host, rulesFor(named, problem), problem));
    const grants = wishes.flatMap((wish) =>
      grantsOf(wish, named.get(wish.name) ?? {}, defaultUser, instance.publicKeys, problem),
    );
    if (grants.length > 0) for (const text of grantKeys(host, grants).problems) problem(text);
    const said = [...made.map(({ name }) => name), ...[...groups.keys()].map((name) => `group ${name}`)];
    return !isSaved || said.length === 0 ? undefined : said.join(", ");
  },
};

function hashPlainPasswords(host: Host, wishes: readonly AccountWish[], problem: (text: string) => void) {
  const having = wishes.filter(({ plainPassword, hash }) => plainPassword !== undefined && hash === undefined);
  const hashes = attempt(problem, () =>
    hashPasswords(
      host,
      having.map(({ plainPassword = "" }) => plainPassword),
    ),
  );
  return new Map(having.map(({ name }, index) => [name, hashes?.[index]]));
}

/** A program that is not there would keep the user out; but one that is to keep users out does that all the better. */
function shellOf(host: Host, { name, shell }: AccountWish, isNew: boolean, problem: (text: string) => void): string {
  if (shell === undefined) return "/bin/sh";
  if (!isNew || /\/(nologin|false)$/.test(shell) || host.attributes(shell) !== undefined) return shell;
  problem(`user ${name}: this image has no ${shell}; it gets /bin/sh`);
  return "/bin/sh";
}

/** Under another name first: a home that is there is whole, and its owner's. */
function homeCommand(host: Host, home: string, owner: string): string {
  const temporary = quote(`${home}.cloudimg`);
  const parent = quote(home.slice(0, home.lastIndexOf("/")) || "/");
  const copy = host.attributes("/etc/skel") === undefined ? "mkdir" : "cp -a /etc/skel";
  return [
    `{ rm -rf ${temporary} && mkdir -p ${parent} && ${copy} ${temporary} && chown -R ${owner} ${temporary}`,
    `chmod 700 ${temporary} && mv ${temporary} ${quote(home)}; } || exit 1`,
  ].join(" && ");
}

/** ssh servers let nobody in whose shell is not in /etc/shells (getusershell(3)). */
function allowShells(host: Host, wishes: readonly AccountWish[], problem: (text: string) => void): void {
  const text = host.readText("/etc/shells");
  if (text === undefined) return;
  const known = text.split("\n");
  const shells = wishes.flatMap(({ shell = "/bin/sh" }) => shell);
  const missing = [...new Set(shells)].filter(
    (shell) => !known.includes(shell) && !/\/(nologin|false)$/.test(shell) && host.attributes(shell) !== undefined,
  );
  if (missing.length === 0) return;
  const whole = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  attempt(problem, () => host.writeFile("/etc/shells", whole + missing.map((shell) => `${shell}\n`).join(""), 0o644));
}

function grantsOf(
  wish: AccountWish,
  keys: JsonObject,
  defaultUser: string,
  cloudKeys: readonly string[],
  problem: (text: string) => void,
): KeyGrant[] {
  const user = wish.name;
  const own = keysOf(keys["ssh_authorized_keys"]);
  if (own === undefined) problem(`user ${user}: ssh_authorized_keys is neither text nor a list of it`);
  const redirect = keys["ssh_redirect_user"];
  const wantsRedirect = redirect === "default" || isTrue(redirect ?? false);
  const isWanted = wantsRedirect || (own?.length ?? 0) > 0;
  if (isWanted && !wish.hasHome) problem(`user ${user}: without a home directory it cannot have keys`);
  if (isWanted && !wish.hasHome) return [];
  if (wantsRedirect && (own?.length ?? 0) > 0)
    problem(`user ${user}: ssh_redirect_user does not go with ssh_authorized_keys; it gets the keys`);
  else if (wantsRedirect) return [{ user, keys: cloudKeys, options: redirectOptions(undefined, defaultUser, user) }];
  return own === undefined || own.length === 0 ? [] : [{ user, keys: own }];
}

/** One text, a list, or an object of which the values count. Undefined for anything else. */
export function keysOf(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return [];
  const items = typeof value === "string" ? [value] : Array.isArray(value) ? (value as unknown[]) : asObject(value);
  if (items === undefined) return undefined;
  const texts = Object.values(items);
  return texts.every((text) => typeof text === "string") ? texts : undefined;
}

function attempt<T>(problem: (text: string) => void, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    problem((error as Error).message);
    return undefined;
  }
}
