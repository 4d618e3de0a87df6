import { type AccountFiles, findRecord, isAccountName, putRecord, recordsOf, withPassword } from "./accounts-files.ts";
import type { AccountWish } from "./accounts-wish.ts";

type Problem = (text: string) => void;

/** Debian's ranges (login.defs): people's accounts upwards from the first, the system's own downwards from the second. */
const firstUserId = 1000;
const lastSystemId = 999;
/** Debian's group `users`, which is everybody's who has no group of his own. */
const usersGroupId = 100;

/** A group with these members besides those that it has; made if it is not there. */
export function withGroup(
  files: AccountFiles,
  name: string,
  members: readonly string[],
  isSystem: boolean,
  wishedId?: number,
): AccountFiles {
  const [, password = "x", gid = String(freeGroupId(files, isSystem, wishedId)), present = ""] =
    findRecord("group", files, name) ?? [];
  const both = [...new Set([...present.split(","), ...members])].filter((member) => member !== "").join(",");
  const isThere = findRecord("group", files, name) !== undefined;
  const changed = isThere && both === present ? files : putRecord("group", files, [name, password, gid, both]);
  if (files.gshadow === undefined) return changed;
  const [, secret = "!", administrators = "", shadowMembers] = findRecord("gshadow", files, name) ?? [];
  return shadowMembers === both ? changed : putRecord("gshadow", changed, [name, secret, administrators, both]);
}

function freeGroupId(files: AccountFiles, isSystem: boolean, wished?: number): number {
  const taken = new Set(recordsOf("group", files).map((fields) => Number(fields[2])));
  return wished !== undefined && !taken.has(wished) ? wished : freeId(taken, isSystem);
}

function freeId(taken: ReadonlySet<number>, isSystem: boolean): number {
  let id = isSystem ? lastSystemId : firstUserId;
  while (taken.has(id)) id += isSystem ? -1 : 1;
  return id;
}

/** Groups that cloud-config's `groups` names, with those of their members who are there. */
export function withGroups(
  files: AccountFiles,
  groups: ReadonlyMap<string, readonly string[]>,
  problem: Problem,
): AccountFiles {
  let after = files;
  for (const [name, members] of groups) {
    if (!isAccountName(name)) {
      problem(`${JSON.stringify(name)} is no group's name`);
      continue;
    }
    const known = members.filter((member) => findRecord("passwd", files, member) !== undefined);
    for (const member of members.filter((member) => !known.includes(member)))
      problem(`group ${name}: there is no user ${JSON.stringify(member)}`);
    after = withGroup(after, name, known, false);
  }
  return after;
}

/** The files with this user in them, if the name is new. Whoever is there keeps everything but what `withAccess` adds. */
export function withUser(files: AccountFiles, wish: AccountWish, shell: string, day: number, problem: Problem) {
  if (findRecord("passwd", files, wish.name) !== undefined) return files;
  const { name, isSystem } = wish;
  const taken = new Set(recordsOf("passwd", files).map((fields) => Number(fields[2])));
  if (wish.uid !== undefined && taken.has(wish.uid))
    problem(`user ${name}: another user has the number ${wish.uid}; it gets the next that is free`);
  // With a group of the same number, if both are free: that is what everybody expects.
  const groupIds = recordsOf("group", files).map((fields) => Number(fields[2]));
  const ownGroup = wish.primaryGroup === undefined && wish.hasOwnGroup ? name : undefined;
  const isFree = wish.uid !== undefined && !taken.has(wish.uid);
  const both =
    ownGroup === undefined || findRecord("group", files, name) !== undefined ? taken : new Set([...taken, ...groupIds]);
  const uid = isFree ? (wish.uid as number) : freeId(both, isSystem);
  let after = files;
  const group = wish.primaryGroup ?? ownGroup;
  if (group !== undefined && findRecord("group", after, group) === undefined)
    after = withGroup(after, group, [], isSystem, group === ownGroup ? uid : undefined);
  const gid = group === undefined ? usersGroupId : Number(findRecord("group", after, group)?.[2]);
  const home = wish.home ?? `/home/${name}`;
  after = putRecord("passwd", after, [name, "x", uid, gid, wish.gecos, home, shell]);
  const shadow = [name, "*", day, 0, 99999, 7, wish.inactiveDays ?? "", wish.expiresDay ?? "", ""];
  return putRecord("shadow", after, shadow);
}

/** Groups of a user besides its own. */
export function withMemberships(files: AccountFiles, wish: AccountWish, problem: Problem): AccountFiles {
  let after = files;
  for (const group of wish.groups) {
    if (!wish.makesGroups && findRecord("group", after, group) === undefined)
      problem(`user ${wish.name}: there is no group ${group}`);
    else after = withGroup(after, group, [wish.name], false);
  }
  return after;
}

/**
 * The user's password as wished. Without a word on it, a new account has none, and one that is there keeps its own; a password is locked unless `lock_passwd` is false,
 * which keys do not mind.
 *
 * @param plainHash of `plain_text_passwd`
 */
export function withWishedPassword(
  files: AccountFiles,
  wish: AccountWish,
  isNew: boolean,
  plainHash: string | undefined,
  day: number,
): AccountFiles {
  const present = findRecord("shadow", files, wish.name)?.[1] ?? "";
  const told = wish.hash ?? plainHash ?? (isNew ? wish.firstHash : undefined);
  const isLocked = wish.isLocked ?? (told !== undefined || isNew);
  const bare = told ?? present.replace(/^!+(?=.)/, "");
  // An empty password would let everybody in.
  const wanted = bare === "" || bare === "!" || bare === "*" ? "*" : isLocked ? `!${bare}` : bare;
  const isUntold = told === undefined && wish.isLocked === undefined && !isNew;
  return isUntold || wanted === present ? files : withPassword(files, wish.name, wanted, day);
}
