import type { Host } from "../initializer/host.ts";
import { quote, run } from "../initializer/processes.ts";

export interface Wanted {
  readonly path: string;
  readonly mode: number;
  /** `user:group`, `user`, `:group`. */
  readonly owner: string;
}

const limitMs = 10_000;
const outputPath = "/run/cloudimg/owners";

/** The kernel takes no argument of more than 128 KiB. */
const filesAtOnce = 50;

/** Gives files their owners and modes, many with one program, and only where they are not so already. */
export function setOwners(host: Host, files: readonly Wanted[], problem: (text: string) => void): void {
  for (let at = 0; at < files.length; at += filesAtOnce) setSome(host, files.slice(at, at + filesAtOnce), problem);
}

function setSome(host: Host, files: readonly Wanted[], problem: (text: string) => void): void {
  const lines = files.flatMap(({ path, mode, owner }, index) => {
    const now = host.attributes(path);
    if (now?.kind !== "file") return [];
    const isOwned = owner === "root:root" && now.uid === 0 && now.gid === 0;
    if (isOwned && now.mode === mode) return [];
    const chown = isOwned ? [] : [`chown -- ${quote(owner)} ${quote(path)} || echo owner ${index}`];
    // Afterwards, since a change of owner takes the set-user-id bit away.
    return [...chown, `chmod ${mode.toString(8)} ${quote(path)} || echo mode ${index}`];
  });
  if (lines.length === 0) return;
  host.makeDirectory("/run/cloudimg", 0o755);
  const { status, output } = run(
    host,
    { argv: ["sh", "-c", `{ ${lines.join("; ")}; } 2>/dev/null`], outputPath },
    limitMs,
  );
  if (status === undefined) problem("setting owners took too long");
  for (const [, what, index] of output.matchAll(/^(owner|mode) (\d+)$/gm)) {
    const file = files[Number(index)];
    if (file === undefined) continue;
    if (what === "mode") problem(`${file.path}: its mode cannot be set`);
    else
      problem(
        `${file.path}: there is no ${file.owner.replace(/[^\w.:@-]/g, "?")} to own it (defer: true waits for users)`,
      );
  }
}
