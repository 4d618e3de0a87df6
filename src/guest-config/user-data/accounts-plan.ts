import {
  type AccountFiles,
  findRecord,
  isAccountName,
  putRecord,
  type TakenIds,
  withPassword,
} from "./accounts-files.ts";
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
  ids: TakenIds,
  name: string,
  { members = [], isSystem = false, id }: { members?: readonly string[]; isSystem?: boolean; id?: number } = {},
): AccountFiles {
  const present = findRecord("group", files, name);
  const gid = present?.[2] ?? takeId(ids.groups, isSystem, id);
  const both = [...new Set([...(present?.[3] ?? "").split(","), ...members])].filter((member) => member !== "").join();
  const isSame = both === present?.[3];
  const changed = isSame ? files : putRecord("group", files, [name, present?.[1] ?? "x", gid, both]);
  if (files.gshadow === undefined) return changed;
  const [, secret = "!", administrators = "", shadowMembers] = findRecord("gshadow", files, name) ?? [];
  return shadowMembers === both ? changed : putRecord("gshadow", changed, [name, secret, administrators, both]);
}

/** The wished number if it is free, else the next that is. */
function takeId(taken: Set<number>, isSystem: boolean, wished?: number, alsoFree = taken): number {
  const isGood = wished !== undefined && !taken.has(wished);
  let id = isGood ? wished : isSystem ? lastSystemId : firstUserId;
  if (!isGood) while (taken.has(id) || alsoFree.has(id)) id += isSystem ? -1 : 1;
  taken.add(id);
  return id;
}

/** Groups that cloud-config's `groups` names, with those of their members who are there. */
export function withGroups(
  files: AccountFiles,
  ids: TakenIds,
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
    after = withGroup(after, ids, name, { members: known });
  }
  return after;
}

/** The files with this user in them, if the name is new. Whoever is there stays as he is. */
export function withUser(
  files: AccountFiles,
  ids: TakenIds,
  wish: AccountWish,
  { shell, day }: { readonly shell: string; readonly day: number },
  problem: Problem,
): AccountFiles {
  if (findRecord("passwd", files, wish.name) !== undefined) return files;
  const { name, isSystem } = wish;
  if (wish.uid !== undefined && ids.users.has(wish.uid))
    problem(`user ${name}: another user has the number ${wish.uid}; it gets the next that is free`);
  // With a group of the same number, if both are free: that is what everybody expects.
  const ownGroup = wish.primaryGroup === undefined && wish.hasOwnGroup ? name : undefined;
  const makesOwn = ownGroup !== undefined && findRecord("group", files, name) === undefined;
  const uid = takeId(ids.users, isSystem, wish.uid, makesOwn ? ids.groups : undefined);
  const group = wish.primaryGroup ?? ownGroup;
  let after = files;
  if (group !== undefined && findRecord("group", files, group) === undefined)
    after = withGroup(files, ids, group, makesOwn ? { isSystem, id: uid } : { isSystem });
  const gid = group === undefined ? usersGroupId : Number(findRecord("group", after, group)?.[2]);
  const home = wish.home ?? `/home/${name}`;
  after = putRecord("passwd", after, [name, "x", uid, gid, wish.gecos, home, shell]);
  const shadow = [name, "*", day, 0, 99999, 7, wish.inactiveDays ?? "", wish.expiresDay ?? "", ""];
  return putRecord("shadow", after, shadow);
}

/** Groups of users besides their own. */
export function withMemberships(
  files: AccountFiles,
  ids: TakenIds,
  wishes: readonly AccountWish[],
  problem: Problem,
): AccountFiles {
  const members = new Map<string, string[]>();
  for (const { name, groups, makesGroups } of wishes)
    for (const group of groups) {
      if (!makesGroups && findRecord("group", files, group) === undefined)
        problem(`user ${name}: there is no group ${group}`);
      else members.set(group, [...(members.get(group) ?? []), name]);
    }
  let after = files;
  for (const [group, names] of members) after = withGroup(after, ids, group, { members: names });
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
  const wanted = /^[!*]*$/.test(bare) ? "*" : isLocked ? `!${bare}` : bare;
  const isUntold = told === undefined && wish.isLocked === undefined && !isNew;
  return isUntold || wanted === present ? files : withPassword(files, wish.name, wanted, day);
}
