import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { fat } from "../../../src/build/filesystems/fat.ts";
import { planIso9660 } from "../../../src/build/filesystems/iso9660.ts";
import { readAll } from "../../../src/core/byte-source.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { treeOf } from "../../../src/guest-config/formats/files.ts";
import type { Host } from "../../../src/guest-config/initializer/host.ts";
import { nodeHost } from "../node-host.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-machines-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const epochSeconds = 1_700_000_000;

type Files = Readonly<Record<string, string>>;

/** A CD with these files, or with a generator's tree. */
export function cd(label: string, content: Files | Tree): Uint8Array {
  return new Uint8Array(readAll(planIso9660({ tree: asTree(content), label, epochSeconds })));
}

/** A disk without partitions, with FAT. */
export async function fatDisk(label: string, content: Files | Tree): Promise<Uint8Array> {
  const request = { tree: asTree(content), label, uuid: "01234567-89ab-cdef-0123-456789abcdef", seed: "seed" };
  const context = { signal: new AbortController().signal, jobs: 1 };
  const { source } = await fat.plan({ ...request, size: { freeBytes: 4 << 20 }, epochSeconds }, context);
  return new Uint8Array(readAll(source));
}

function asTree(content: Files | Tree): Tree {
  if ("entries" in content && typeof content.entries === "function") return content as Tree;
  const files = Object.entries(content as Files).map(([path, text]) => [`/${path}`, text]);
  return treeOf(Object.fromEntries(files), epochSeconds);
}

/** A guest in a directory of its own: block devices by name, further files by path. */
export function machine(
  devices: Readonly<Record<string, Uint8Array>>,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Host & { readonly root: string } {
  const root = mkdtempSync(join(directory, "root-"));
  const put = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  for (const [name, bytes] of Object.entries(devices)) {
    put(`dev/${name}`, bytes);
    put(`sys/class/block/${name}/size`, String(bytes.length / 512));
  }
  for (const [path, content] of Object.entries(files)) put(path, content);
  return { ...nodeHost(root), root };
}
