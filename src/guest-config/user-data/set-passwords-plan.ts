import { asObject, type JsonObject } from "../initializer/json-values.ts";
import { asFlag } from "./users-groups-normal.ts";

/** What is to become of a user's password. */
export interface PasswordChange {
  readonly name: string;
  readonly type: "hash" | "text" | "random";
  /** Empty for a random one. */
  readonly password: string;
}

export interface PasswordPlan {
  readonly changes: readonly PasswordChange[];
  /** Whoever gets a password has to change it when he logs in. */
  readonly expires: boolean;
  /** Whether ssh takes passwords; undefined: as the image has it. */
  readonly sshPasswords?: boolean | undefined;
}

/**
 * Reads `password`, `chpasswd` and `ssh_pwauth`. `password` is the default user's and counts only if `chpasswd` names nobody. A password in the older forms is a hash
 * if it looks like one: any of crypt(5)'s, where cloud-init knows but the older ones and would take yescrypt for the password itself.
 *
 * @param problem gets no passwords
 */
export function planPasswords(config: JsonObject, defaultUser: string, problem: (text: string) => void): PasswordPlan {
  const given = config["chpasswd"] ?? {};
  const chpasswd = asObject(given) ?? {};
  if (asObject(given) === undefined) problem("chpasswd is no object");
  const expire = asFlag(chpasswd["expire"] ?? true);
  if (expire === undefined) problem("chpasswd: expire is neither true nor false");
  const changes = [...readUsers(chpasswd["users"], problem), ...readList(chpasswd["list"], problem)];
  const password = config["password"] ?? undefined;
  const isText = typeof password === "string" || typeof password === "number";
  if (password !== undefined && !isText) problem("password is no text");
  if (changes.length === 0 && isText && password !== "") changes.push(guessType(defaultUser, String(password)));
  return { changes, expires: expire ?? true, sshPasswords: readSshPasswords(config["ssh_pwauth"], problem) };
}

function readUsers(value: unknown, problem: (text: string) => void): PasswordChange[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) problem("chpasswd: users is no list");
  return (Array.isArray(value) ? (value as unknown[]) : []).flatMap((item): PasswordChange[] => {
    const { name, password, type = "hash" } = asObject(item) ?? {};
    if (typeof name !== "string") problem("chpasswd: users has an entry without a name");
    else if (type === "RANDOM") return [{ name, type: "random", password: "" }];
    else if (type !== "hash" && type !== "text") problem(`chpasswd: ${name}: type is neither hash, text nor RANDOM`);
    else if (typeof password !== "string" && typeof password !== "number") problem(`chpasswd: ${name} has no password`);
    else return [{ name, type, password: String(password) }];
    return [];
  });
}

/** Lines `NAME:PASSWORD`, as a list or as text. */
function readList(value: unknown, problem: (text: string) => void): PasswordChange[] {
  if (value === undefined || value === null || value === "") return [];
  const items = typeof value === "string" ? value.split(/\r\n?|\n/) : value;
  if (!Array.isArray(items)) problem("chpasswd: list is neither text nor a list");
  return (Array.isArray(items) ? (items as unknown[]) : []).flatMap((item) => {
    if (typeof item === "string" && item.trim() === "") return [];
    const [, name, password] = (typeof item === "string" && /^\s*([^:]+):(.+)$/.exec(item)) || [];
    if (name !== undefined && password !== undefined) return [guessType(name, password)];
    problem("chpasswd: list has an entry that is not NAME:PASSWORD");
    return [];
  });
}

function guessType(name: string, password: string): PasswordChange {
  if (password === "R" || password === "RANDOM") return { name, type: "random", password: "" };
  return { name, type: /^\$[\w,=-]+\$[^\s:]+\$[^\s:]+$/.test(password) ? "hash" : "text", password };
}

function readSshPasswords(value: unknown, problem: (text: string) => void): boolean | undefined {
  const flag = asFlag(value);
  const isUntold = value === undefined || value === null || /^unchanged$/i.test(String(value).trim());
  if (flag === undefined && !isUntold) problem("ssh_pwauth is neither true, false nor unchanged");
  return flag;
}
