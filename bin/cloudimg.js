#!/usr/bin/env node
// Starts cloudimg: the compiled files if this is the published package, else the sources. On a Node that cannot run them it hands over
// to the Node that the `node` package installed.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const sources = existsSync(at("src/start.ts"));
const [major, minor] = process.versions.node.split(".").map(Number);

// A fresh clone, started by `npx cloudimg`. Standard output is for the verb's result.
let isSetUp = true;
if (sources && !existsSync(at("node_modules/.package-lock.json"))) {
  console.error("installing what cloudimg needs, once …");
  isSetUp = spawnSync(process.execPath, [at("bin/setup.js")], { stdio: ["ignore", 2, 2] }).status === 0;
}

if (!isSetUp) {
  process.exitCode = 4;
} else if (major > 22 || (major === 22 && minor >= 18)) {
  // Before the first source: what strips types from it takes longer to load than all else. Of a checkout that is somebody else's, start.ts
  // keeps the rest in the user's own cache.
  if (sources) nodeModule.enableCompileCache(at("node_modules/.cache/cloudimg"));
  const { start } = await import(sources ? "../src/start.ts" : "../dist/start.js");
  await start(process.argv.slice(2));
} else {
  const node = at("node_modules/node/bin/node");
  if (!existsSync(node)) {
    console.error(`error: cannot run on Node ${process.versions.node}: cloudimg needs Node 22.18 or newer`);
    console.error("  hint: install a newer Node, or run `npm install` in the checkout, which brings its own");
    process.exitCode = 4;
  } else {
    const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
    // The terminal sends Ctrl-C to the whole group, other senders to this process only; being told twice does no harm.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
    const [status, signal] = await once(child, "exit");
    process.exitCode = status ?? (signal === "SIGINT" ? 130 : 143);
  }
}
