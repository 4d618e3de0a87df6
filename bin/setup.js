// Installs the dependencies when they are missing or older than the lock file, so that `npm start` and `npm test` work on a fresh
// clone. Runs on any Node from 20 on; the project itself runs on the Node that the `node` package puts in node_modules/.bin.
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

function changedAtMs(path) {
  try {
    return statSync(`${root}/${path}`).mtimeMs;
  } catch {
    return 0;
  }
}

if (changedAtMs("node_modules/.package-lock.json") < changedAtMs("package-lock.json")) {
  // A name look-up fails now and then: try again before giving up.
  let status = 1;
  for (let attempt = 1; attempt <= 3 && status !== 0; attempt++) {
    const npm = process.env.npm_execpath;
    const [command, args] = npm === undefined ? ["npm", []] : [process.execPath, [npm]];
    // Not `npm ci`: it refuses to start when a registry lacks packages that only other platforms need.
    const install = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
    // A package's script calls npm again, which would leave its compiled code in the directory for temporary files.
    const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" };
    const result = spawnSync(command, [...args, ...install], {
      cwd: root,
      env,
      stdio: ["ignore", "inherit", "inherit"],
    });
    status = result.status ?? 1;
  }
  if (status !== 0) {
    console.error("error: cannot install the dependencies: npm install failed three times");
    console.error("  hint: check the network and `npm config get registry`, then try again");
    process.exit(4);
  }
}
