import type { Host } from "./host.ts";
import { quote, run } from "./processes.ts";

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** Keys that a user is to be reached with. */
export interface KeyGrant {
  readonly user: string;
  readonly keys: readonly string[];
  /** sshd(8)'s options for all of them, in place of their own. */
  readonly options?: string | undefined;
  /** A key that is there already stays as it is, with its options and comment. */
  readonly keepsPresent?: boolean | undefined;
}

interface KeyLine {
  readonly options: string;
  readonly type: string;
  readonly body: string;
  readonly comment: string;
}

function parsePasswd(text: string): User[] {
  return text.split("\n").flatMap((line) => {
    const [name, , uid, gid, , home] = line.split(":");
    if (!name || !home?.startsWith("/") || !/^\d+$/.test(uid ?? "") || !/^\d+$/.test(gid ?? "")) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home }];
  });
}

/** sshd(8), AUTHORIZED_KEYS FILE FORMAT: options have no blanks but between quotes; `\"` is a quote in there. */
const linePattern =
  /^(?:((?:"(?:\\"|[^"\\]|\\(?!"))*"|[^\s"])+)[ \t]+)??((?:ssh|ecdsa|sk)-[\w@.-]+)[ \t]+(\S+)(?:[ \t]+(.*))?$/;
const longestLine = 16_384;

function parseKey(line: string): KeyLine | undefined {
  const match = line.length > longestLine ? null : linePattern.exec(line.trim());
  if (match === null || line.startsWith("#")) return undefined;
  const [, options = "", type = "", body = "", comment = ""] = match;
  return { options, type, body, comment };
}

/** Text that is to be one key, as the lines it holds: split at line breaks of any kind, and where a comment goes on with a further key. */
function keyLines(text: string): string[] {
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap((line) => {
      const key = parseKey(line);
      if (key === undefined) return [line];
      const further = key.comment.split(/(?:^|\s+)(?=(?:ssh|ecdsa|sk)-[\w@.-]+\s+AAAA)/);
      return [line.slice(0, line.length - key.comment.length).trim() + (further[0] ? ` ${further[0]}` : "")].concat(
        further.slice(1),
      );
    });
}

/**
 * The file with these keys in it. A key that is there, whatever its options and comment, becomes as it is told now; all other lines stay. What is no key is left
 * out.
 */
export function mergeKeys(existing: string, keys: readonly string[], grant?: Omit<KeyGrant, "user" | "keys">): string {
  const lines = existing.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const places = new Map<string, number>();
  for (const [index, line] of lines.entries()) {
    const body = parseKey(line.trim())?.body;
    if (body !== undefined) places.set(body, index);
  }
  const done = new Set<string>();
  for (const key of keys.flatMap(keyLines).map(parseKey)) {
    if (key === undefined || done.has(key.body)) continue;
    done.add(key.body);
    const place = places.get(key.body);
    if (place !== undefined && grant?.keepsPresent === true) continue;
    const words = [grant?.options ?? key.options, key.type, key.body, key.comment];
    lines[place ?? lines.length] = words.filter((word) => word !== "").join(" ");
  }
  return lines.map((line) => `${line}\n`).join("");
}

const chownLimitMs = 3000;

/** Keys by user, as a source names them at every boot: what is there stays as it is. */
export function applyAuthorizedKeys(
  host: Host,
  authorizedKeys: Readonly<Record<string, readonly string[]>>,
): { added: readonly string[]; problems: readonly string[] } {
  const grants = Object.entries(authorizedKeys).map(([user, keys]) => ({ user, keys, keepsPresent: true }));
  return grantKeys(host, grants);
}

/** Adds keys to users' authorized_keys with the owner and the modes that ssh servers insist on. */
export function grantKeys(
  host: Host,
  grants: readonly KeyGrant[],
): { added: readonly string[]; problems: readonly string[] } {
  const users = parsePasswd(host.readText("/etc/passwd") ?? "");
  const problems: string[] = [];
  const added = new Set<string>();
  const commands: string[] = [];
  for (const grant of grants) {
    const name = grant.user;
    // Not the line itself: it may be a private key that somebody took for the public one.
    const bad = grant.keys.flatMap(keyLines).filter((line) => parseKey(line) === undefined).length;
    if (bad > 0) problems.push(`${bad} ${bad === 1 ? "line" : "lines"} for ${name} is no public ssh key`);
    if (!grant.keys.flatMap(keyLines).some((line) => parseKey(line) !== undefined)) continue;
    const user = users.find((candidate) => candidate.name === name);
    if (user === undefined) problems.push(`there is no user ${name} to give a key to`);
    else {
      try {
        commands.push(...giveKeys(host, user, grant));
        added.add(name);
      } catch (error) {
        problems.push((error as Error).message);
      }
    }
  }
  if (commands.length > 0) {
    const outputPath = "/run/cloudimg/access.log";
    const { status, output } = run(host, { argv: ["sh", "-c", commands.join("\n")], outputPath }, chownLimitMs);
    if (status !== 0) problems.push(`cannot set the owners of authorized_keys: ${output.trim()}`);
  }
  return { added: [...added], problems };
}

/** The commands that are still needed: QuickJS can make files with a mode, but cannot give them away. */
function giveKeys(host: Host, user: User, grant: KeyGrant): string[] {
  const directory = `${user.home === "/" ? "" : user.home}/.ssh`;
  const path = `${directory}/authorized_keys`;
  const owner = `${user.uid}:${user.gid}`;
  const commands: string[] = [];
  const expect = (target: string, mode: number) => {
    const is = host.attributes(target);
    if (is === undefined || is.uid !== user.uid || is.gid !== user.gid)
      commands.push(`chown ${owner} ${quote(target)} || exit 1`);
    if (is?.mode !== mode) commands.push(`chmod ${mode.toString(8)} ${quote(target)} || exit 1`);
  };
  if (host.attributes(user.home) === undefined) {
    host.makeDirectory(user.home, 0o700);
    expect(user.home, 0o700);
  }
  host.makeDirectory(directory, 0o700);
  // We write as root: a link that a user has put here must not lead us elsewhere.
  if (host.attributes(directory)?.kind !== "directory") throw new Error(`${directory} is not a directory`);
  const kind = host.attributes(path)?.kind;
  if (kind !== undefined && kind !== "file") throw new Error(`${path} is not a file`);
  const existing = host.readText(path) ?? "";
  const merged = mergeKeys(existing, grant.keys, grant);
  const is = host.attributes(path);
  const isRight = is?.uid === user.uid && is.gid === user.gid && is.mode === 0o600;
  // Adding to the user's own file keeps its owner, which spares the programs that would have to set it.
  const isLonger = isRight && merged.startsWith(existing);
  const added = isLonger && host.append(path, merged.slice(existing.length));
  if (!added && (merged !== existing || kind === undefined)) host.writeFile(path, merged, 0o600);
  expect(directory, 0o700);
  expect(path, 0o600);
  return commands;
}
