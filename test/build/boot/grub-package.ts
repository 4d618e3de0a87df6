import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { obtainTools } from "../../../src/build/tools.ts";
import { createContext } from "../../../src/commands/environment.ts";
import { bytesSource } from "../../../src/core/byte-source.ts";
import { defaultAttributes, Tree } from "../../../src/core/tree.ts";

/** What boot loaders are made from, with GRUB's own programs beside it, from Debian's packages. */
export interface GrubPackage {
  readonly files: Tree;
  /** On this host. */
  readonly modulesDirectory: string;
  command(name: string): string[];
}

let known: Promise<GrubPackage> | undefined;

export function grubPackage(): Promise<GrubPackage> {
  known ??= open();
  return known;
}

async function open(): Promise<GrubPackage> {
  const context = createContext(() => {}, new AbortController().signal, undefined);
  const tools = await obtainTools(["grub-pc-bin"], context);
  const path = "/usr/lib/grub/i386-pc";
  const modulesDirectory = join(tools.directory, path);
  const files = new Tree();
  for (const name of readdirSync(modulesDirectory))
    files.set(`${path}/${name}`, fileOf(readFileSync(join(modulesDirectory, name))));
  return { files, modulesDirectory, command: (name) => tools.command(name) };
}

export function fileOf(bytes: Uint8Array) {
  return { ...defaultAttributes, type: "file", mode: 0o644, content: bytesSource(bytes) } as const;
}
