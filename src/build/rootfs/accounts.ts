import { fail } from "../../core/errors.ts";
import { didYouMean } from "../../core/near-names.ts";
import type { Profile } from "../../profile/schema.ts";
import type { Owner, TreeMaker } from "./tree-maker.ts";

type User = Profile["users"][number];

interface Account extends Owner {
  readonly name: string;
  readonly home: string;
  readonly shell: string;
  readonly passwordHash: string | undefined;
}

/** The accounts of the image: everything that names stand for. */
export interface Accounts {
  readonly users: ReadonlyMap<string, Account>;
  /** Numbers and further members of groups. */
  readonly groups: ReadonlyMap<string, { readonly gid: number; readonly members: readonly string[] }>;
}

/** Debian's numbers (package base-passwd), which packages rely on. */
const systemGroups: Readonly<Record<string, number>> = {
  ...{ root: 0, daemon: 1, bin: 2, sys: 3, adm: 4, tty: 5, disk: 6, lp: 7, mail: 8, kmem: 15, dialout: 20, cdrom: 24 },
  ...{ sudo: 27, audio: 29, "www-data": 33, shadow: 42, utmp: 43, video: 44, staff: 50, users: 100, nogroup: 65534 },
};
const nologin = "/usr/sbin/nologin";
const systemUsers: readonly Account[] = [
  { name: "root", uid: 0, gid: 0, home: "/root", shell: "/bin/sh", passwordHash: undefined },
  { name: "daemon", uid: 1, gid: 1, home: "/usr/sbin", shell: nologin, passwordHash: undefined },
  { name: "www-data", uid: 33, gid: 33, home: "/var/www", shell: nologin, passwordHash: undefined },
  { name: "nobody", uid: 65534, gid: 65534, home: "/nonexistent", shell: nologin, passwordHash: undefined },
];
const firstUserId = 1000;
const firstGroupId = 200;

/**
 * Debian's system accounts and the profile's, with numbers for those that have none: users from 1000 in the profile's order, each with a group of its name and
 * number; groups that only `groups:` names from 200.
 *
 * Errors: `image/conflict` when a user has the name or number of a system account.
 */
export function planAccounts(profileUsers: readonly User[]): Accounts {
  const users = new Map(systemUsers.map((user) => [user.name, user]));
  const groups = new Map(Object.entries(systemGroups).map(([name, gid]) => [name, { gid, members: [] as string[] }]));
  const uids = new Set([...systemUsers.map(({ uid }) => uid), ...profileUsers.flatMap(({ uid }) => uid ?? [])]);
  const gids = new Set([...groups.values()].map(({ gid }) => gid));
  for (const user of profileUsers) {
    const { name, shell, passwordHash } = user;
    const system = users.get(name);
    if (name !== "root" && (system !== undefined || systemUsers.some(({ uid }) => uid === user.uid)))
      fail("image/conflict", `cannot add the user ${name}: a system account has this name or number`, {
        hint: "choose another name, and a number from 1000 or none",
      });
    const uid = system?.uid ?? user.uid ?? nextFree(uids, firstUserId);
    uids.add(uid);
    const group = groups.get(name);
    const gid = group?.gid ?? (gids.has(uid) ? nextFree(gids, firstUserId) : uid);
    gids.add(gid);
    if (group === undefined) groups.set(name, { gid, members: [] });
    users.set(name, { name, uid, gid, shell, passwordHash, home: user.home ?? system?.home ?? `/home/${name}` });
  }
  for (const { name, groups: wanted } of profileUsers) {
    for (const groupName of wanted) {
      let group = groups.get(groupName);
      if (group === undefined) {
        group = { gid: nextFree(gids, firstGroupId), members: [] };
        gids.add(group.gid);
        groups.set(groupName, group);
      }
      group.members.push(name);
    }
  }
  return { users, groups };
}

/** /etc/passwd, group, shadow and gshadow (passwd(5), shadow(5)), home directories and authorized keys. */
export function addAccounts(
  maker: TreeMaker,
  accounts: Accounts,
  profileUsers: readonly User[],
  epochSeconds: number,
): void {
  const users = [...accounts.users.values()].sort((a, b) => a.uid - b.uid);
  const groups = [...accounts.groups].sort(([, a], [, b]) => a.gid - b.gid);
  const text = (lines: readonly (readonly (string | number)[])[]) =>
    lines.map((line) => `${line.join(":")}\n`).join("");
  const day = Math.floor(epochSeconds / 86_400);
  const shadowGroup = { mode: 0o640, uid: 0, gid: systemGroups["shadow"] as number };
  maker.file(
    "/etc/passwd",
    text(users.map(({ name, uid, gid, home, shell }) => [name, "x", uid, gid, name, home, shell])),
  );
  maker.file("/etc/group", text(groups.map(([name, { gid, members }]) => [name, "x", gid, members.join(",")])));
  // "*" is no hash of any password; a key still opens the account.
  const shadow = users.map(({ name, passwordHash }) => [name, passwordHash ?? "*", day, 0, 99999, 7, "", "", ""]);
  maker.file("/etc/shadow", text(shadow), shadowGroup);
  maker.file(
    "/etc/gshadow",
    text(groups.map(([name, { members }]) => [name, "*", "", members.join(",")])),
    shadowGroup,
  );
  const shells = new Set(["/bin/sh", "/bin/ash", ...profileUsers.map(({ shell }) => shell)]);
  maker.file("/etc/shells", [...shells].map((shell) => `${shell}\n`).join(""));
  for (const { name, authorizedKeys } of profileUsers) {
    const account = accounts.users.get(name) as Account;
    const owner = { uid: account.uid, gid: account.gid };
    if (!maker.tree.has(account.home)) maker.directory(account.home, { ...owner, mode: 0o700 });
    if (authorizedKeys.length === 0) continue;
    maker.directory(`${account.home}/.ssh`, { ...owner, mode: 0o700 });
    const lines = authorizedKeys.map((key) => `${key.trim()}\n`).join("");
    maker.file(`${account.home}/.ssh/authorized_keys`, lines, { ...owner, mode: 0o600 });
  }
}

/** Who the owner of a file is, by name or number. Errors: `profile/unknown-owner`. */
export function findOwner(accounts: Accounts, user: string | number, group: string | number): Owner {
  const uid = typeof user === "number" ? user : accounts.users.get(user)?.uid;
  const gid = typeof group === "number" ? group : accounts.groups.get(group)?.gid;
  if (uid === undefined) unknown("user", String(user), accounts.users.keys());
  if (gid === undefined) unknown("group", String(group), accounts.groups.keys());
  return { uid, gid };
}

function unknown(kind: string, name: string, known: Iterable<string>): never {
  fail("profile/unknown-owner", `cannot give a file to the ${kind} ${name}: the image has no such ${kind}`, {
    hint: didYouMean(name, known) ?? "add it to users, or use its number",
  });
}

function nextFree(taken: ReadonlySet<number>, start: number): number {
  let candidate = start;
  while (taken.has(candidate)) candidate++;
  return candidate;
}
