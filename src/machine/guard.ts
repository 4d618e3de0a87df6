import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fail } from "../core/errors.ts";

/** A process that ends when we do, however we end. */
export interface Guarded {
  /** Its number; undefined if it could not be started. */
  readonly pid: Promise<number | undefined>;
  /** Resolves when it has ended and nothing of it is left; never rejects. `code` is 128 + n after signal n, as shells count. */
  readonly exited: Promise<{ readonly code: number; readonly errorText: string }>;
  /** Ends it at once; `exited` follows. */
  kill(): void;
  /** From now on it outlives us; what it still says goes to its log, or nowhere. */
  release(): void;
  /** What it writes to standard error, as it comes; nothing if that goes to a file. */
  onErrorText(listener: (text: string) => void): void;
}

export interface GuardOptions {
  /** Where standard output and error go. Default: to memory. */
  readonly logPath?: string;
  /** Up to two, removed after the process if we die before it. */
  readonly directories?: readonly string[];
}

/**
 * A shell stands between us and the process: it holds the read end of a pipe whose write end only we have. When the pipe closes, for whatever
 * reason, SIGKILL to us included, the watcher ends the process and removes its directories. The word `release` makes the watcher go.
 * While the watcher cleans up it ignores the SIGTERM by which it is told that the process has ended by itself.
 */
const script = `
directory=$1
sockets=$2
shift 2
exec 3<&0 </dev/null
"$@" 3<&- >&2 &
child=$!
echo "$child"
exec >&-
(
  read -r word <&3
  [ "$word" = release ] && exit 0
  trap '' TERM
  kill -KILL "$child"
  [ -n "$directory" ] && rm -rf -- "$directory"
  [ -n "$sockets" ] && rm -rf -- "$sockets"
) 2>/dev/null &
watcher=$!
exec 3<&-
wait "$child"
code=$?
kill -TERM "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
exit "$code"
`;

/**
 * Starts a program in a session of its own (so a Ctrl-C on the terminal is ours alone) that cannot be left behind.
 *
 * Errors: `host/unsupported` on Windows.
 */
export function spawnGuarded(command: readonly string[], options: GuardOptions = {}): Guarded {
  if (process.platform === "win32")
    fail("host/unsupported", "cannot run a machine on Windows itself", {
      hint: "run cloudimg in WSL, the Windows Subsystem for Linux",
    });
  const { logPath, directories: [directory = "", sockets = ""] = [] } = options;
  const log = logPath === undefined ? "pipe" : openSync(logPath, "a", 0o600);
  const child = spawn("/bin/sh", ["-c", script, "cloudimg-guard", directory, sockets, ...command], {
    detached: true,
    stdio: ["pipe", "pipe", log],
  });
  if (typeof log === "number") closeSync(log);
  let errorText = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errorText += text;
  });
  // The shell may be gone before it has read the word: then there is nothing left to tell it.
  child.stdin?.on("error", () => {});
  return {
    pid: new Promise((resolve) => {
      let text = "";
      child.stdout?.setEncoding("utf8").on("data", (more: string) => {
        text += more;
      });
      child.stdout?.on("close", () => resolve(Number.parseInt(text, 10) || undefined));
    }),
    exited: new Promise((resolve) => {
      child.on("error", (error) => resolve({ code: 127, errorText: error.message }));
      child.on("close", (code, signal) => {
        const text = logPath === undefined ? errorText : readLog(logPath);
        resolve({ code: code ?? (signal === null ? 1 : 137), errorText: text });
      });
    }),
    kill: () => void child.stdin?.end(),
    release() {
      child.stdin?.end("release\n");
      child.stderr?.destroy();
      child.unref();
    },
    onErrorText: (listener) => void child.stderr?.on("data", listener),
  };
}

function readLog(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
