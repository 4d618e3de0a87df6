import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { runOracle } from "../oracles/run.ts";

/** A directory for the tests of one file; gone when they are done. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-examine-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Runs somebody else's tool, which must succeed. */
export async function tool(name: string, args: readonly string[]): Promise<string> {
  const { status, output } = await runOracle(name, args);
  if (status !== 0) throw new Error(`${name} ${args.join(" ")} failed with ${status}:\n${output}`);
  return output;
}

/** What a small system has, for tools that make a file system of a directory. `-> target` is a link, `= path` a further name. */
export const systemFiles: Readonly<Record<string, string>> = {
  "etc/os-release": 'ID=probe\nNAME="Probe"\nPRETTY_NAME="Probe 1 (test)"\n',
  "etc/hostname": "probe-host\n",
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nada:x:1000:1000:Ada:/home/ada:/bin/sh\n",
  "etc/group": "root:x:0:\nada:x:1000:\n",
  "etc/shadow": "root:*:1::::::\ndaemon:!:1::::::\nada:$6$salt$abcdefghijklmnopqrstuvwx:1::::::\n",
  "etc/machine-id": "",
  "etc/a.conf": "a\n",
  "etc/b.conf": "b\n",
  "root/.ssh/authorized_keys": "# mine\nssh-ed25519 AAAA root@probe\n\nssh-rsa BBBB\n",
  "usr/bin/sh": "#!/bin/sh\n",
  bin: "-> usr/bin",
  "usr/bin/bash": "= usr/bin/sh",
  "boot/grub/grub.cfg":
    "set timeout=5\nmenuentry 'Probe \"1\"' --class gnu {\n  search --set=root x\n  linux /boot/vmlinuz-6.1.0 root=UUID=1 quiet # not this\n  initrd /boot/initrd.img-6.1.0\n}\n",
  "boot/initrd.img-6.1.0": "070701",
  "usr/share/big": "x".repeat(70_000),
};

/** Writes files below a directory. All have the same time. */
export function writeFiles(directory: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [path, content] of Object.entries(files)) {
    const target = join(directory, path);
    mkdirSync(dirname(target), { recursive: true });
    if (typeof content === "string" && content.startsWith("-> ")) symlinkSync(content.slice(3), target);
    else if (typeof content === "string" && content.startsWith("= "))
      linkSync(join(directory, content.slice(2)), target);
    else {
      writeFileSync(target, content);
      utimesSync(target, 1_700_000_000, 1_700_000_000);
    }
  }
  return directory;
}

/** A sparse file. */
export function emptyFile(path: string, sizeBytes: number): string {
  closeSync(openSync(path, "w"));
  truncateSync(path, sizeBytes);
  return path;
}

/** Puts one file's bytes at a place of another. */
export function placeAt(disk: string, path: string, atBytes: number): void {
  const fd = openSync(disk, "r+");
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at += 4096) {
    const piece = bytes.subarray(at, at + 4096);
    if (piece.some((byte) => byte !== 0)) writeSync(fd, piece, 0, piece.length, atBytes + at);
  }
  closeSync(fd);
}

/** An ext4 of a directory, as mke2fs makes it today. */
export async function ext4Of(
  directory: string,
  path: string,
  size = "8M",
  options: readonly string[] = [],
): Promise<string> {
  rmSync(path, { force: true });
  await tool("mke2fs", ["-q", "-t", "ext4", "-L", "probe-root", ...options, "-d", directory, path, size]);
  return path;
}

/** A FAT with some files, by mkfs.fat and mtools. */
export async function fatOf(
  directory: string,
  names: readonly string[],
  path: string,
  sizeBytes = 4 << 20,
): Promise<string> {
  emptyFile(path, sizeBytes);
  await tool("mkfs.fat", ["-n", "PROBE-ESP", "-i", "1234abcd", path]);
  for (const name of names) await tool("mcopy", ["-s", "-i", path, join(directory, name), "::/"]);
  return path;
}

/** A disk with a GPT by sgdisk: an ESP, the root, and a swap partition without contents. */
export async function gptDisk(path: string, parts: { readonly esp: string; readonly root: string }): Promise<string> {
  emptyFile(path, 32 << 20);
  await tool("sgdisk", [
    ...["-U", "11111111-2222-3333-4444-555555555555"],
    ...["-n", "1:2048:+4M", "-t", "1:ef00", "-c", "1:EFI System"],
    ...["-n", "2:12288:+8M", "-t", "2:8300", "-c", "2:root", "-u", "2:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"],
    ...["-n", "3:0:+2M", "-t", "3:8200", path],
  ]);
  placeAt(path, parts.esp, 2048 * 512);
  placeAt(path, parts.root, 12288 * 512);
  return path;
}
