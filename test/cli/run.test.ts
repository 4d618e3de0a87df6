import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bootProgram } from "../machine/boot-programs.ts";
import { finished, startCloudimg, temporaryDirectory } from "./cloudimg.ts";

test("run boots an image, with relative paths all over; a signal ends it, and the exit code says so", {
  timeout: 120_000,
}, async () => {
  const cwd = temporaryDirectory();
  bootProgram(cwd, "HELLO", "hang");
  const child = startCloudimg(["run", "boot.raw"], { cwd, environment: { CLOUDIMG_DATA: "data" } });
  const ended = finished(child);
  let text = "";
  while (!text.includes("HELLO") && child.exitCode === null)
    text += (await Promise.race([once(child.stdout as NodeJS.ReadableStream, "data"), once(child, "exit")]))[0];
  child.kill("SIGTERM");
  const { code, stderr } = await ended;
  expect(text, stderr).toContain("HELLO");
  expect(code).toBe(143);
  expect(readdirSync(join(cwd, "data", "instances"))).toEqual([]);
});
