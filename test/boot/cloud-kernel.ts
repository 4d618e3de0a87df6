import { openPackages } from "../../src/build/packages/open.ts";
import { lockPackages } from "../../src/build/packages/resolve.ts";
import { createContext } from "../../src/commands/environment.ts";
import type { ByteSource } from "../../src/core/byte-source.ts";

let known: Promise<ByteSource> | undefined;

/** Debian's kernel for clouds, signed by Debian: amd64. */
export function cloudKernel(): Promise<ByteSource> {
  known ??= open();
  return known;
}

async function open(): Promise<ByteSource> {
  const context = createContext(() => {}, new AbortController().signal, undefined);
  const request = {
    ...{ arch: "amd64", suite: "trixie", components: ["main"], updates: true, security: false, tools: [] },
    ...{ include: [{ name: "linux-image-cloud-amd64" }], exclude: [], allowExpired: false },
  };
  const lock = await lockPackages(request, context);
  const packages = lock.packages.filter(({ name }) => /^linux-image-\d/.test(name));
  for (const tree of (await openPackages({ ...lock, packages }, request, context)).values())
    for (const name of tree.list("/boot")) {
      const node = tree.get(`/boot/${name}`);
      if (name.startsWith("vmlinuz-") && node?.type === "file") return node.content;
    }
  throw new Error("linux-image-cloud-amd64 brings no kernel");
}
