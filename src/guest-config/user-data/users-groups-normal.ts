import { asObject, type JsonObject } from "../initializer/json-values.ts";
import { isFalse, isTrue } from "./settings.ts";

/** What cloud-config's `users`, `groups` and `user` come to, whatever form they have. */
export interface UsersAndGroups {
  /** By name: the user's keys, with underscores for dashes; `default: true` on the default user. */
  readonly users: ReadonlyMap<string, JsonObject>;
  /** Members by group. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** The name behind `default`; undefined if `users` does not have it. */
  readonly defaultUser?: string | undefined;
}

type Problem = (text: string) => void;

/**
 * Forms as cloud-init takes them (distros/ug_util.py): lists of names and objects, objects by name, names between commas; `user` changes the default user and brings it
 * in. What has another form is reported and left out.
 *
 * @param imageUser the image's default user: `system_info.default_user`, with `name`
 */
export function normaliseUsers(
  config: JsonObject,
  imageUser: JsonObject | undefined,
  problem: Problem,
): UsersAndGroups {
  const user = userChanges(config["user"], problem);
  const defaults = merge(user ?? {}, imageUser ?? {});
  const listed = listUsers(config["users"], problem);
  if (user !== undefined && !listed.has("default")) listed.set("default", {});
  const users = new Map([...listed].map(([name, keys]) => [name, withUnderscores(keys)]));
  const defaultUser = placeDefault(users, defaults);
  for (const [name, keys] of users) users.set(name, { ...keys, default: name === defaultUser });
  return { users, groups: listGroups(config["groups"], problem), defaultUser };
}

/** `default` becomes the image's user: its own keys win, then those of `default`, then the image's. Groups are joined. */
function placeDefault(users: Map<string, JsonObject>, defaults: JsonObject): string | undefined {
  const given = users.get("default");
  users.delete("default");
  const name = defaults["name"];
  if (given === undefined || typeof name !== "string") return undefined;
  const own = users.get(name) ?? {};
  const groups = [own, given, defaults].flatMap((keys) => splitNames(keys["groups"]));
  const { name: _, ...rest } = merge(merge({ ...own, groups: [...new Set(groups)].sort().join(",") }, given), defaults);
  users.set(name, rest);
  return name;
}

function userChanges(value: unknown, problem: Problem): JsonObject | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return { name: value };
  if (asObject(value) === undefined) problem("user is neither a name nor an object");
  return asObject(value);
}

function listUsers(value: unknown, problem: Problem): Map<string, JsonObject> {
  const users = new Map<string, JsonObject>();
  const add = (name: unknown, keys: JsonObject) => {
    if (typeof name !== "string" || name === "") problem("users has a name that is no text");
    else users.set(name, merge(users.get(name) ?? {}, keys));
  };
  const byName = asObject(value);
  if (typeof value === "string") for (const name of splitNames(value)) add(name, {});
  else if (byName !== undefined) {
    for (const [name, keys] of Object.entries(byName)) {
      if (asObject(keys) !== undefined) add(name, asObject(keys) as JsonObject);
      else if (keys === null || Array.isArray(keys)) problem(`users: ${name} is neither true nor an object`);
      else if (isTrue(keys)) add(name, {});
    }
  } else if (Array.isArray(value)) {
    for (const item of value as unknown[]) {
      const keys = asObject(item);
      if (keys !== undefined) {
        const { name = "default", ...rest } = keys;
        add(name, rest);
      } else if (typeof item === "string" || Array.isArray(item)) for (const name of splitNames(item)) add(name, {});
      else problem("users has an entry that is neither a name nor an object");
    }
  } else if (value !== undefined && value !== null) problem("users is neither text, a list nor an object");
  return users;
}

function listGroups(value: unknown, problem: Problem): Map<string, readonly string[]> {
  const groups = new Map<string, readonly string[]>();
  const add = (name: string, members: unknown) => {
    if (members !== null && typeof members !== "string" && !Array.isArray(members))
      problem(`groups: the members of ${name} are neither text nor a list`);
    else groups.set(name, [...new Set([...(groups.get(name) ?? []), ...splitNames(members)])].sort());
  };
  const addObject = (object: JsonObject) => {
    for (const [name, members] of Object.entries(object)) add(name, members);
  };
  const object = asObject(value);
  if (object !== undefined) addObject(object);
  else if (typeof value === "string" || Array.isArray(value)) {
    for (const item of typeof value === "string" ? [value] : (value as unknown[])) {
      const members = asObject(item);
      if (members !== undefined) addObject(members);
      else if (typeof item === "string") for (const name of splitNames(item)) add(name, []);
      else problem("groups has an entry that is neither a name nor an object");
    }
  } else if (value !== undefined && value !== null) problem("groups is neither text, a list nor an object");
  return groups;
}

/** Names between commas, or a list of such. */
export function splitNames(value: unknown): string[] {
  const texts: unknown[] = Array.isArray(value) ? value : [value];
  return texts
    .flatMap((text) => (typeof text === "string" ? text.split(",") : []))
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** Undefined for what says neither. */
export function asFlag(value: unknown): boolean | undefined {
  return isTrue(value) ? true : isFalse(value) ? false : undefined;
}

/** What the first has wins; objects in both are merged likewise. */
function merge(first: JsonObject, second: JsonObject): JsonObject {
  const merged = new Map(Object.entries(first));
  for (const [key, value] of Object.entries(second)) {
    const [mine, theirs] = [asObject(merged.get(key)), asObject(value)];
    if (!merged.has(key)) merged.set(key, value);
    else if (mine !== undefined && theirs !== undefined) merged.set(key, merge(mine, theirs));
  }
  return Object.fromEntries(merged);
}

function withUnderscores(keys: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(keys).map(([key, value]) => [key.replaceAll("-", "_").trim(), value]));
}
