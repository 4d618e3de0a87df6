import type { JsonObject } from "../initializer/json-values.ts";
import { isAccountName, isField } from "./accounts-files.ts";
import { isPassword } from "./passwd-hash.ts";
import { isTrue } from "./settings.ts";
import { isHash } from "./shadow.ts";
import { asFlag, splitNames } from "./users-groups-normal.ts";

/** A user as cloud-config wants it, with nothing in it that cannot stand in the files of accounts. */
export interface AccountWish {
  readonly name: string;
  readonly gecos: string;
  readonly home?: string | undefined;
  readonly hasHome: boolean;
  readonly shell?: string | undefined;
  readonly uid?: number | undefined;
  readonly isSystem: boolean;
  readonly primaryGroup?: string | undefined;
  readonly hasOwnGroup: boolean;
  readonly groups: readonly string[];
  readonly makesGroups: boolean;
  /** A hash that only a new account gets. */
  readonly firstHash?: string | undefined;
  /** A hash or a password that an account which is there gets as well. */
  readonly hash?: string | undefined;
  readonly plainPassword?: string | undefined;
  /** Undefined: not said. */
  readonly isLocked?: boolean | undefined;
  /** Days since 1970. */
  readonly expiresDay?: number | undefined;
  readonly inactiveDays?: number | undefined;
}

/** Keys that other code obeys, or that mean nothing here. */
const otherKeys =
  "default ssh_authorized_keys ssh_redirect_user sudo doas no_log_init snapuser ssh_import_id selinux_user home";
const highestId = 4_294_967_293;

/** Keys of a user in cloud-config, checked. Undefined for a name that is none. */
export function readWish(name: string, keys: JsonObject, problem: (text: string) => void): AccountWish | undefined {
  if (!isAccountName(name)) {
    problem(`${JSON.stringify(name)} is no user's name`);
    return undefined;
  }
  const known = new Set(otherKeys.split(" "));
  const take = <T>(key: string, what: string, read: (value: unknown) => T | undefined): T | undefined => {
    known.add(key);
    const value = keys[key];
    if (value === undefined || value === null || value === "") return undefined;
    const taken = read(value);
    // Not the value: it may be a password.
    if (taken === undefined) problem(`user ${name}: ${key} is ${what}`);
    return taken;
  };
  const text = (key: string, what: string, isGood: (text: string) => boolean) =>
    take(key, what, (value) => (typeof value === "string" && isGood(value) ? value : undefined));
  const flag = (key: string) => take(key, "neither true nor false", asFlag);
  const number = (key: string) => take(key, "no number", (value) => asId(value));
  const isPath = (path: string) => path.startsWith("/") && isField(path) && !path.split("/").includes("..");

  for (const key of ["ssh_import_id", "snapuser", "selinux_user"])
    if (keys[key] !== undefined && keys[key] !== null) problem(`user ${name}: ${key} is not supported`);
  const groups = take("groups", "neither text nor a list", asGroups) ?? [];
  const isSystem = flag("system") ?? false;
  const wish: AccountWish = {
    name,
    gecos: text("gecos", "no text that fits into a line of /etc/passwd", isField) ?? "",
    home: text("homedir", "no absolute path", isPath),
    hasHome: !(flag("no_create_home") ?? false) && !isSystem,
    shell: text("shell", "no absolute path", isPath),
    uid: number("uid"),
    isSystem,
    primaryGroup: text("primary_group", "no group's name", isAccountName),
    hasOwnGroup: !(flag("no_user_group") ?? false),
    groups: groups.filter((group) => {
      if (!isAccountName(group)) problem(`user ${name}: ${JSON.stringify(group)} is no group's name`);
      return isAccountName(group);
    }),
    makesGroups: flag("create_groups") ?? true,
    firstHash: text("passwd", "no crypt hash", isHashOrNone),
    hash: text("hashed_passwd", "no crypt hash", isHashOrNone),
    plainPassword: text("plain_text_passwd", "no password that can be typed", isPassword),
    isLocked: flag("lock_passwd"),
    expiresDay: take("expiredate", "no date such as 2030-12-31", asDay),
    inactiveDays: number("inactive"),
  };
  for (const key of Object.keys(keys)) if (!known.has(key)) problem(`user ${name}: ${key} is not known`);
  return wish;
}

/** Marks that no password fits are a way to say that there is none; before a hash, that it is locked. */
function isHashOrNone(text: string): boolean {
  return /^[!*]+$/.test(text) || isHash(text.replace(/^!+/, ""));
}

function asId(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= 0 && number <= highestId
    ? number
    : undefined;
}

/** cloud-init takes an object too, of which the names count. */
function asGroups(value: unknown): string[] | undefined {
  if (typeof value === "string" || Array.isArray(value)) return splitNames(value);
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).flatMap(([name, isIn]) => (isIn === false || !isTrue(isIn ?? true) ? [] : [name]));
}

/** YAML makes a date of what looks like one. */
function asDay(value: unknown): number | undefined {
  const text = value instanceof Date ? value.toISOString() : String(value);
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(`${text.slice(0, 10)}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(ms) || ms < 0 ? undefined : Math.floor(ms / 86_400_000);
}
