/**
 * The guest, as the initializer sees it: what differs between QuickJS, which runs it there, and Node, which tests it. Nothing here waits longer than it must, and
 * nothing throws but writes.
 */
export interface Host {
  /** A file's text; a file that is not there or cannot be read is undefined. Works for /proc and /sys. */
  readText(path: string): string | undefined;
  /** Up to `lengthBytes` from `offsetBytes` on; fewer at the end. For devices too. */
  readBytes(path: string, offsetBytes: number, lengthBytes: number): Uint8Array | undefined;
  /** Replaces a file in one step: a reader sees the old or the new text, whatever happens. Throws an Error. */
  writeFile(path: string, text: string, mode: number): void;
  /** Writes into what is there already (a device, /proc, /sys), or to the end of a log. Says whether it worked. */
  append(path: string, content: string | Uint8Array): boolean;
  /** Names in a directory, sorted; empty if there is none. */
  list(path: string): string[];
  /** Of the path itself, not of what a link points to. */
  attributes(path: string): Attributes | undefined;
  /** With the directories that lead to it. Those that are there keep their mode. Throws an Error. */
  makeDirectory(path: string, mode: number): void;
  remove(path: string): void;
  /** Starts a program from PATH; what it prints goes to `outputPath`, or nowhere. */
  start(command: Command): Process;
  /** Milliseconds from some fixed point on. */
  nowMs(): number;
  sleepMs(ms: number): void;
}

export interface Attributes {
  readonly kind: "file" | "directory" | "link" | "other";
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
}

export interface Command {
  readonly argv: readonly string[];
  readonly outputPath?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

export interface Process {
  /** The exit status once it has ended; 128 and more for a signal. */
  poll(): number | undefined;
  kill(): void;
}
