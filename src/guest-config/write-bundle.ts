import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleInitializer } from "./bundle.ts";

/** `node write-bundle.ts OUT`: what the published package carries instead of the initializer's sources. */
const output = process.argv[2];
if (output === undefined) throw new Error("usage: write-bundle.ts OUT");
mkdirSync(output, { recursive: true });
for (const [name, bytes] of Object.entries(await bundleInitializer())) writeFileSync(join(output, name), bytes);
copyFileSync(new URL("network/udhcpc.sh", import.meta.url), join(output, "udhcpc.sh"));
