import { closeSync, openSync, readdirSync, readSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, fail } from "../../core/errors.ts";
import { mergeUsr } from "../../core/usr-merge.ts";

const programDirectories = ["usr/bin", "usr/sbin", "usr/libexec", "usr/games"];

/**
 * How to run a program that was unpacked to a directory: by the loader it names, with the directory's libraries (ld.so(8)); a script by its interpreter; what
 * needs neither, itself.
 */
export function commandWords(directory: string, name: string): string[] {
  for (const place of programDirectories) {
    const path = realPath(join(directory, place, name));
    if (path !== undefined) return wordsFor(directory, path, name);
  }
  const names = programDirectories.flatMap((place) => namesIn(join(directory, place)));
  fail("packages/no-command", `cannot run ${name}: the unpacked packages have no such program`, {
    hint: `they have ${names.slice(0, 12).join(", ")}${names.length > 12 ? ", …" : ""}`,
  });
}

function wordsFor(directory: string, path: string, name: string): string[] {
  const head = readHead(path);
  if (head.toString("latin1", 0, 2) === "#!") {
    const [interpreter = "", ...words] = head.toString("utf8", 2).split("\n")[0]?.trim().split(/\s+/) ?? [];
    const isEnv = interpreter.endsWith("/env");
    const program = (isEnv ? words[0] : interpreter) ?? "";
    return [
      ...commandWords(directory, program.slice(program.lastIndexOf("/") + 1)),
      ...words.slice(isEnv ? 1 : 0),
      path,
    ];
  }
  const loader = interpreterOf(head);
  if (loader === undefined) return [path];
  return [
    join(directory, mergeUsr(loader)),
    "--library-path",
    libraryDirectories(directory).join(":"),
    "--argv0",
    name,
    path,
  ];
}

/** The path in an ELF executable's PT_INTERP (System V ABI, chapter 5); Debian's architectures here are all little-endian, 64 bits. */
function interpreterOf(head: Buffer): string | undefined {
  if (head.toString("latin1", 0, 4) !== "\x7fELF") return undefined;
  const tableOffset = Number(head.readBigUInt64LE(0x20));
  const entrySize = head.readUInt16LE(0x36);
  const count = head.readUInt16LE(0x38);
  const interpreter = 3;
  for (let index = 0; index < count; index++) {
    const at = tableOffset + index * entrySize;
    if (at + 0x28 > head.length) break;
    if (head.readUInt32LE(at) !== interpreter) continue;
    const offset = Number(head.readBigUInt64LE(at + 0x08));
    const size = Number(head.readBigUInt64LE(at + 0x20));
    return head.toString("latin1", offset, offset + size - 1);
  }
  return undefined;
}

/** The directories of the multiarch library directory that hold shared libraries, itself first. */
function libraryDirectories(directory: string): string[] {
  const base = join(directory, "usr/lib");
  const triplets = namesIn(base).filter((name) => /^[a-z0-9_]+-linux-gnu/.test(name));
  return [...triplets.flatMap((triplet) => directoriesWithLibraries(join(base, triplet))), base];
}

function directoriesWithLibraries(path: string): string[] {
  const below = readdirSync(path, { withFileTypes: true });
  const directories = below.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return [
    path,
    ...directories
      .sort()
      .map((name) => join(path, name))
      .filter((child) => namesIn(child).some((name) => /^lib.*\.so(\.|$)/.test(name))),
  ];
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function readHead(path: string): Buffer {
  const head = Buffer.alloc(4096);
  const fd = openSync(path, "r");
  try {
    return head.subarray(0, readSync(fd, head, 0, head.length, 0));
  } finally {
    closeSync(fd);
  }
}
