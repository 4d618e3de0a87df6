import { cpSync, existsSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createContext } from "../../src/commands/environment.ts";
import { finished, startCloudimg, temporaryDirectory } from "./cloudimg.ts";
import { checkoutFor, unprivileged } from "./unprivileged.ts";

/**
 * The proof that a build uses no host tool: an ordinary user, an empty PATH, and Node's permission model, which refuses child processes. Native code of
 * our own dependencies (the xz decoder, the bundler) is allowed.
 */
test("build works for an unprivileged user, without child processes and without PATH", {
  timeout: 240_000,
}, async () => {
  const home = realpathSync(temporaryDirectory());
  const cache = join(home, "cache");
  const { directories } = createContext(() => {}, new AbortController().signal, 1);
  // What earlier tests have downloaded need not be downloaded again; nothing unpacked or made is taken over.
  const downloads = join(directories.cache, "downloads");
  if (existsSync(downloads)) cpSync(downloads, join(cache, "downloads"), { recursive: true });
  const checkout = checkoutFor(home);
  mkdirSync(join(home, "work"), { recursive: true });
  cpSync(join(checkout, "cloud-profiles"), join(home, "work", "cloud-profiles"), { recursive: true });
  const child = startCloudimg(["build", "local", "--output", "out", "--json"], {
    checkout,
    cwd: join(home, "work"),
    nodeOptions: ["--permission", "--allow-fs-read=*", `--allow-fs-write=${home}`, "--allow-addons"],
    onlyEnvironment: { PATH: "", HOME: home, CLOUDIMG_CACHE: cache, CLOUDIMG_DATA: join(home, "data") },
    ...unprivileged(home),
  });
  const { code, stdout, stderr } = await finished(child);
  expect(stderr).not.toContain("ERR_ACCESS_DENIED");
  expect(code, stdout.slice(-2000)).toBe(0);
  expect(statSync(join(home, "work", "out", "local.qcow2")).size).toBeGreaterThan(1e6);
});
