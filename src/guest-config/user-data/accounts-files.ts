import type { Host } from "../initializer/host.ts";
import { run } from "../initializer/processes.ts";

/** Texts of the files that hold accounts; shadow and gshadow are undefined where the image has none. */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
  readonly shadow: string | undefined;
  readonly gshadow: string | undefined;
}

type Kind = keyof AccountFiles;

/** Fields of a record in passwd(5), group(5), shadow(5), gshadow(5); libraries pass over lines with fewer. */
const fieldCounts = { passwd: 7, group: 4, shadow: 2, gshadow: 4 } as const;

/** Names that are safe in all these files, in sudoers and as file names. Digits only would be taken for a number. */
export function isAccountName(name: string): boolean {
  return /^(?!\d+$)[A-Za-z0-9_][\w.@-]{0,30}\$?$/.test(name);
}

/** Text that may stand in a field. */
export function isField(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a line break would begin another account
  return !/[:\x00-\x1f\x7f]/.test(text);
}

/** Numbers that are in use, to which those of new accounts are added. */
export interface TakenIds {
  readonly users: Set<number>;
  readonly groups: Set<number>;
}

export function takenIds(files: AccountFiles): TakenIds {
  const ids = (kind: "passwd" | "group") =>
    new Set(Array.from(files[kind].matchAll(/^[^:\n]+:[^:\n]*:(\d+):/gm), ([, id]) => Number(id)));
  return { users: ids("passwd"), groups: ids("group") };
}

/** Where the record of this name is in a file, found without taking the file apart: there may be thousands, and this is an interpreter. */
function findLine(kind: Kind, text: string, name: string): { start: number; end: number } | undefined {
  for (let start = text.startsWith(`${name}:`) ? 0 : text.indexOf(`\n${name}:`) + 1; ; ) {
    if (start === 0 && !text.startsWith(`${name}:`)) return undefined;
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    if (text.slice(start, end).split(":").length >= fieldCounts[kind]) return { start, end };
    const next = text.indexOf(`\n${name}:`, end);
    if (next < 0) return undefined;
    start = next + 1;
  }
}

export function findRecord(kind: Kind, files: AccountFiles, name: string): string[] | undefined {
  const text = files[kind] ?? "";
  const line = findLine(kind, text, name);
  return line && text.slice(line.start, line.end).split(":");
}

/** The files with this record in place of the one of its name, else at the end. All other lines stay as they are. */
export function putRecord(kind: Kind, files: AccountFiles, fields: readonly (string | number)[]): AccountFiles {
  const text = files[kind] ?? "";
  const at = findLine(kind, text, String(fields[0]));
  const record = fields.join(":");
  const whole = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  const changed = at === undefined ? `${whole}${record}\n` : text.slice(0, at.start) + record + text.slice(at.end);
  return { ...files, [kind]: changed };
}

/** The account with this in place of its password: a crypt hash, or what is none. `changedDay` is in days since 1970; 0 makes the next log-in change it. */
export function withPassword(files: AccountFiles, name: string, hash: string, changedDay: number): AccountFiles {
  const user = findRecord("passwd", files, name);
  const named = user === undefined || user[1] === "x" ? files : putRecord("passwd", files, user.with(1, "x"));
  const present = findRecord("shadow", named, name);
  const [, , , ...rest] = present ?? [name, "", "", 0, 99999, 7, "", "", ""];
  return putRecord("shadow", named, [name, hash, changedDay, ...rest]);
}

/** Of today, for shadow(5). Never 0, which has a meaning of its own, even if the clock is not set. */
export function dayOf(host: Host): number {
  return Math.max(1, Math.floor(host.clockMs() / 86_400_000));
}

const pathOf = (kind: Kind) => `/etc/${kind}`;

export function readAccounts(host: Host): AccountFiles {
  const read = (kind: Kind) => host.readText(pathOf(kind));
  return { passwd: read("passwd") ?? "", group: read("group") ?? "", shadow: read("shadow"), gshadow: read("gshadow") };
}

const commandsLimitMs = 20_000;

/**
 * Puts the changed files in place, each in one step and with the owner and mode that it had; passwd comes last: an account is there when all of it is.
 *
 * @param commands for the shell that gives files away, to spare another: they run before passwd is written
 * @throws Error
 */
export function saveAccounts(host: Host, before: AccountFiles, after: AccountFiles, commands: readonly string[]): void {
  const script: string[] = [];
  const last: (() => void)[] = [];
  for (const kind of ["gshadow", "shadow", "group", "passwd"] as const) {
    const text = after[kind];
    if (text === undefined || text === before[kind]) continue;
    const path = pathOf(kind);
    const { uid, gid, mode } = host.attributes(path) ?? newFile(kind);
    if (uid === 0 && gid === 0) last.push(() => host.writeFile(path, text, mode));
    else {
      host.writeFile(`${path}.new`, text, 0o600);
      script.push(
        `{ chown ${uid}:${gid} ${path}.new && chmod ${mode.toString(8)} ${path}.new && mv -f ${path}.new ${path}; } || exit 1`,
      );
    }
  }
  script.push(...commands);
  if (script.length > 0) {
    const outputPath = "/run/cloudimg/accounts.log";
    // A file, since the kernel takes no argument of more than 128 KiB.
    const path = "/run/cloudimg/accounts.sh";
    host.writeFile(path, script.join("\n"), 0o600);
    const { status, output } = run(host, { argv: ["sh", path], outputPath }, commandsLimitMs);
    if (status !== 0) throw new Error(`cannot write the accounts: ${output.trim() || `sh ended with ${status}`}`);
  }
  for (const write of last) write();
}

function newFile(kind: Kind) {
  return { uid: 0, gid: 0, mode: kind.endsWith("shadow") ? 0o600 : 0o644 };
}
