/**
 * The part of QuickJS's modules that host-qjs.ts uses. The bundle imports them as `std` and `os`; here they have names of their own, since `os` is Node's, too.
 * https://bellard.org/quickjs/quickjs.html, section 3.3
 */
declare module "qjs:std" {
  interface File {
    readAsString(): string;
    puts(text: string): void;
    close(): number;
  }
  export function open(path: string, mode: string): File | null;
  export function fdopen(fd: number, mode: string): File | null;
  export function exit(code: number): never;
  export const out: { puts(text: string): void; flush(): void };
  export const err: { puts(text: string): void };
  /** Runs a script in the global scope; null (or an exception) if it cannot be read. */
  export function loadScript(path: string): void;
  /** In the global scope. */
  export function evalScript(text: string): unknown;
  /** Of a command line of sh. */
  export function popen(command: string, mode: string): File | null;
  export function strerror(errno: number): string;
}

declare module "qjs:os" {
  interface Stat {
    mode: number;
    uid: number;
    gid: number;
    size: number;
    rdev: number;
  }
  /** Calls that return a number return minus errno when they fail. */
  export function open(path: string, flags: number, mode?: number): number;
  export function close(fd: number): number;
  export function seek(fd: number, offset: number, whence: number): number;
  export function read(fd: number, buffer: ArrayBufferLike, offset: number, length: number): number;
  export function write(fd: number, buffer: ArrayBufferLike, offset: number, length: number): number;
  export function rename(from: string, to: string): number;
  export function remove(path: string): number;
  export function mkdir(path: string, mode?: number): number;
  export function readdir(path: string): [string[], number];
  export function lstat(path: string): [Stat | null, number];
  export function realpath(path: string): [string, number];
  export function readlink(path: string): [string, number];
  export function symlink(target: string, path: string): number;
  /** Its two ends, to read and to write. */
  export function pipe(): [number, number] | null;
  export function kill(pid: number, signal: number): number;
  export function waitpid(pid: number, options: number): [number, number];
  export function sleep(ms: number): void;
  export function now(): number;
  export function exec(
    argv: readonly string[],
    options: {
      block: boolean;
      stdin?: number;
      stdout?: number;
      stderr?: number;
      cwd?: string;
      env?: Readonly<Record<string, string>>;
    },
  ): number;
  export const O_RDONLY: number;
  export const O_WRONLY: number;
  export const O_RDWR: number;
  export const O_CREAT: number;
  export const O_EXCL: number;
  export const O_APPEND: number;
  export const O_TRUNC: number;
  export const WNOHANG: number;
  export const SIGKILL: number;
  export const S_IFMT: number;
  export const S_IFREG: number;
  export const S_IFDIR: number;
  export const S_IFLNK: number;
  export const S_IFBLK: number;
  export const S_IFCHR: number;
}

declare const scriptArgs: readonly string[];
