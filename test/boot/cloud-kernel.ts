import { openPackages } from "../../src/build/packages/open.ts";
import { lockPackages } from "../../src/build/packages/resolve.ts";
import { createContext } from "../../src/commands/environment.ts";
import type { ByteSource } from "../../src/core/byte-source.ts";

const known = new Map<string, Promise<ByteSource>>();

/** Debian's kernel for clouds, signed by Debian. */
export function cloudKernel(arch: "amd64" | "arm64" = "amd64"): Promise<ByteSource> {
  const kernel = known.get(arch) ?? open(arch);
  known.set(arch, kernel);
  return kernel;
}

async function open(arch: string): Promise<ByteSource> {
  const context = createContext(() => {}, new AbortController().signal, undefined);
  const request = {
    ...{ arch, suite: "trixie", components: ["main"], updates: true, security: false, tools: [] },
    ...{ include: [{ name: `linux-image-cloud-${arch}` }], exclude: [], allowExpired: false },
  };
  const lock = await lockPackages(request, context);
  const packages = lock.packages.filter(({ name }) => /^linux-image-\d/.test(name));
  for (const tree of (await openPackages({ ...lock, packages }, request, context)).values())
    for (const name of tree.list("/boot")) {
      const node = tree.get(`/boot/${name}`);
      if (name.startsWith("vmlinuz-") && node?.type === "file") return node.content;
    }
  throw new Error(`linux-image-cloud-${arch} brings no kernel`);
}
