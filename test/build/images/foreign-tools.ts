import { spawnSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { obtainTools } from "../../../src/build/tools.ts";
import { oracle } from "../../oracles/tools.ts";
import { fileDetail } from "../filesystems/tree-text.ts";
import { contextFor } from "./probe.ts";

/** Tools that run other tools, which they look for on PATH. */
export interface Workshop {
  /** Runs a tool, which must succeed. Further packages: what it needs beside its own one. */
  run(
    packageNames: readonly string[],
    name: string,
    args: readonly string[],
    options: { readonly cwd: string; readonly environment?: Readonly<Record<string, string>> },
  ): Promise<void>;
  /** Where the files of these packages lie. */
  directoryOf(packageNames: readonly string[]): Promise<string>;
}

/** Other names that tools are called by, and what they mean. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  mkdosfs: ["mkfs.fat"],
  "mkfs.vfat": ["mkfs.fat"],
  "mkfs.ext4": ["mke2fs", "-t", "ext4"],
};

/** @param helpers what the tools run; each is put into a directory of its own, which is first on their PATH */
export async function openWorkshop(directory: string, helpers: readonly string[]): Promise<Workshop> {
  const bin = join(directory, "bin");
  mkdirSync(bin, { recursive: true });
  for (const helper of helpers) {
    const [name = helper, ...options] = otherNames[helper] ?? [];
    const words = [...(await oracle(name)), ...options].map((word) => `'${word}'`);
    writeFileSync(join(bin, helper), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
    chmodSync(join(bin, helper), 0o755);
  }
  const obtain = async (packageNames: readonly string[]) => await obtainTools(packageNames, contextFor());
  return {
    async run(packageNames, name, args, { cwd, environment: more = {} }) {
      const [program = "", ...first] = (await obtain(packageNames)).command(name);
      const environment = { PATH: `${bin}:/usr/bin:/bin`, TMPDIR: directory, TZ: "UTC", LC_ALL: "C.UTF-8", ...more };
      const made = spawnSync(program, [...first, ...args], { cwd, env: environment, encoding: "utf8" });
      expect(made.status, `${name}: ${made.error ?? ""} ${made.stdout}${made.stderr}`).toBe(0);
    },
    directoryOf: async (packageNames) => (await obtain(packageNames)).directory,
  };
}

/** What lies below a directory of this host: kinds, contents, targets. */
export function textOfHost(directory: string, path = ""): Record<string, string> {
  const text: Record<string, string> = {};
  for (const name of readdirSync(join(directory, path)).filter((each) => each !== "lost+found")) {
    const below = join(path, name);
    const at = join(directory, below);
    const stats = lstatSync(at);
    if (stats.isSymbolicLink()) text[below] = `-> ${readlinkSync(at)}`;
    else if (stats.isDirectory()) Object.assign(text, { [below]: "directory" }, textOfHost(directory, below));
    else text[below] = fileDetail(readFileSync(at));
  }
  return text;
}
