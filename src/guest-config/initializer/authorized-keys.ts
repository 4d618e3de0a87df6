import type { Host } from "./host.ts";
import { quote, run } from "./processes.ts";

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

function parsePasswd(text: string): User[] {
  return text.split("\n").flatMap((line) => {
    const [name, , uid, gid, , home] = line.split(":");
    if (!name || !home?.startsWith("/") || !/^\d+$/.test(uid ?? "") || !/^\d+$/.test(gid ?? "")) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home }];
  });
}

/** The file with these keys in it. What is there stays, comments too; a key counts as there if its body is, whatever its comment. */
export function mergeKeys(existing: string, keys: readonly string[]): string {
  const known = new Set(existing.split("\n").map(keyBody));
  // Only ever more: what a caller appends to the file is what comes after its present text.
  let text = existing === "" || existing.endsWith("\n") ? existing : `${existing}\n`;
  for (const key of keys.map((line) => line.trim())) {
    if (key === "" || known.has(keyBody(key))) continue;
    known.add(keyBody(key));
    text += `${key}\n`;
  }
  return text;
}

/** Type and base64 of a line, without the options before and the comment after (sshd(8), AUTHORIZED_KEYS FILE FORMAT). */
function keyBody(line: string): string {
  const match = /(?:^|\s)((?:ssh|ecdsa|sk)-[\w@.-]+)\s+([A-Za-z0-9+/]+={0,2})/.exec(line);
  return match === null || line.trim().startsWith("#") ? line.trim() : `${match[1]} ${match[2]}`;
}

const chownLimitMs = 3000;

/** Adds keys to users' authorized_keys with the owner and the modes that ssh servers insist on. */
export function applyAuthorizedKeys(
  host: Host,
  authorizedKeys: Readonly<Record<string, readonly string[]>>,
): { added: readonly string[]; problems: readonly string[] } {
  const users = parsePasswd(host.readText("/etc/passwd") ?? "");
  const problems: string[] = [];
  const added: string[] = [];
  const commands: string[] = [];
  for (const [name, keys] of Object.entries(authorizedKeys)) {
    if (keys.length === 0) continue;
    const user = users.find((candidate) => candidate.name === name);
    if (user === undefined) problems.push(`there is no user ${name} to give a key to`);
    else {
      try {
        commands.push(...giveKeys(host, user, keys));
        added.push(name);
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
  return { added, problems };
}

/** The commands that are still needed: QuickJS can make files with a mode, but cannot give them away. */
function giveKeys(host: Host, user: User, keys: readonly string[]): string[] {
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
  const merged = mergeKeys(existing, keys);
  const is = host.attributes(path);
  const isRight = is?.uid === user.uid && is.gid === user.gid && is.mode === 0o600;
  // Adding to the user's own file keeps its owner, which spares the programs that would have to set it.
  const added = isRight && host.append(path, merged.slice(existing.length));
  if (!added && (merged !== existing || kind === undefined)) host.writeFile(path, merged, 0o600);
  expect(directory, 0o700);
  expect(path, 0o600);
  return commands;
}
