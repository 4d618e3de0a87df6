import type { HttpRequest, HttpResult } from "./http.ts";

/**
 * The guest, as the initializer sees it: what differs between QuickJS, which runs it there, and Node, which tests it. Nothing here waits longer than it must, and
 * nothing throws but what says so.
 */
export interface Host {
  /** A file's text; a file that is not there or cannot be read is undefined. Works for /proc and /sys. */
  readText(path: string): string | undefined;
  /** Up to `lengthBytes` from `offsetBytes` on; fewer at the end. For devices too. */
  readBytes(path: string, offsetBytes: number, lengthBytes: number): Uint8Array | undefined;
  /** Replaces a file in one step: a reader sees the old or the new content, whatever happens. Throws an Error. */
  writeFile(path: string, content: string | Uint8Array, mode: number): void;
  /** Overwrites part of a device or file, and returns when it is on the disk. Throws an Error. */
  writeAt(path: string, offsetBytes: number, bytes: Uint8Array): void;
  /** Writes into what is there already (a device, /proc, /sys), or to the end of a log. Says whether it worked. */
  append(path: string, content: string | Uint8Array): boolean;
  /** Names in a directory, sorted; empty if there is none. */
  list(path: string): string[];
  /** Of the path itself, not of what a link points to. */
  attributes(path: string): Attributes | undefined;
  /** What a symbolic link says. */
  readLink(path: string): string | undefined;
  /** Makes a symbolic link, in place of what is there unless it is a directory. Throws an Error. */
  link(target: string, path: string): void;
  /** With the directories that lead to it. Those that are there keep their mode. Throws an Error. */
  makeDirectory(path: string, mode: number): void;
  /** A file, a link or an empty directory. */
  remove(path: string): void;
  /** Starts a program from PATH; what it prints goes to `outputPath`, or nowhere. */
  start(command: Command): Process;
  /** One HTTP request, without redirects and retries; ends within its time limit. */
  fetch(request: HttpRequest): HttpResult;
  /** What a script beside the initializer defines, by the script's name; use loadPart, which knows the types. Throws an Error if the image lacks it. */
  loadScript(name: string): unknown;
  /** Milliseconds from some fixed point on. */
  nowMs(): number;
  /** Milliseconds since 1970. */
  clockMs(): number;
  sleepMs(ms: number): void;
}

export interface Attributes {
  readonly kind: "file" | "directory" | "link" | "device" | "other";
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Of a device: major and minor number. */
  readonly device?: readonly [number, number] | undefined;
}

export interface Command {
  readonly argv: readonly string[];
  readonly inputPath?: string | undefined;
  /** What it reads instead of a file, up to 32 KiB. Its input then stays open as long as it runs, for programs that end when their input does. */
  readonly openInput?: Uint8Array | undefined;
  readonly outputPath?: string | undefined;
  /** What it complains of goes here and not to `outputPath`. */
  readonly errorPath?: string | undefined;
  /** What it prints comes after what the file holds. */
  readonly appendsOutput?: boolean | undefined;
  readonly directory?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** In a session of its own: `kill` ends it with all its children. */
  readonly isGroup?: boolean | undefined;
}

export interface Process {
  /** The exit status once it has ended; 128 and more for a signal. */
  poll(): number | undefined;
  kill(): void;
}
