// Makes dist/ for the published package: compiled sources, the scripts that go into images, and the initializer's bundle.
import { spawnSync } from "node:child_process";
import { cpSync, rmSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

function run(args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

rmSync(`${root}/dist`, { recursive: true, force: true });
run(["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"]);
cpSync(`${root}/src`, `${root}/dist`, {
  recursive: true,
  filter: (path) => statSync(path).isDirectory() || path.endsWith(".sh"),
});
run(["src/guest-config/write-bundle.ts", "dist/guest"]);
