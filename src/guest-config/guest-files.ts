import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { bytesSource, textSource } from "../core/byte-source.ts";
import type { Context } from "../core/context.ts";
import { type Node, Tree } from "../core/tree.ts";
import { initializerBundle } from "./bundle.ts";

const directory = "/usr/lib/cloudimg";

/** What an image needs to configure itself: the initializer and the script that obeys DHCP servers. Run `/usr/sbin/cloudimg-init boot` once at each boot. */
export async function initializerTree(
  { epochSeconds }: { readonly epochSeconds: number },
  context: Pick<Context, "directories" | "signal">,
): Promise<Tree> {
  const tree = new Tree({ mtime: epochSeconds });
  const common = { uid: 0, gid: 0, mtime: epochSeconds, origin: "cloudimg-init" };
  const program = (text: string): Node => ({ ...common, type: "file", mode: 0o755, content: textSource(text) });
  for (const [name, bytes] of Object.entries(await initializerBundle(context))) {
    const mode = name === "cloudimg-init.js" ? 0o755 : 0o644;
    tree.set(`${directory}/${name}`, { ...common, type: "file", mode, content: bytesSource(bytes) });
  }
  tree.set(`${directory}/udhcpc.sh`, program(await udhcpcScript(context.signal)));
  // The bundle names its interpreter in its first line: a shell in between would only cost time.
  tree.set("/usr/sbin/cloudimg-init", {
    ...common,
    type: "symlink",
    mode: 0o777,
    target: "../lib/cloudimg/cloudimg-init.js",
  });
  return tree;
}

/** Beside the sources, or where write-bundle.ts has put it in a published package. */
async function udhcpcScript(signal: AbortSignal): Promise<string> {
  const source = fileURLToPath(new URL("network/udhcpc.sh", import.meta.url));
  const published = fileURLToPath(new URL("../guest/udhcpc.sh", import.meta.url));
  return await readFile(existsSync(source) ? source : published, { encoding: "utf8", signal });
}
