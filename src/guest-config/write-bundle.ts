import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bundleInitializer } from "./bundle.ts";

/** `node write-bundle.ts OUT`: what the published package carries instead of the initializer's sources. */
const output = process.argv[2];
if (output === undefined) throw new Error("usage: write-bundle.ts OUT");
mkdirSync(dirname(output), { recursive: true });
writeFileSync(output, await bundleInitializer());
copyFileSync(new URL("initializer/udhcpc.sh", import.meta.url), join(dirname(output), "udhcpc.sh"));
