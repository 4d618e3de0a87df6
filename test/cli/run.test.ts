import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bootProgram } from "../machine/boot-programs.ts";
import { cloudimg, finished, startCloudimg, temporaryDirectory } from "./cloudimg.ts";

/** A directory with a raw disk in it that says a word when it is booted. */
function machineRoom(ending: Parameters<typeof bootProgram>[2]) {
  const cwd = temporaryDirectory();
  bootProgram(cwd, "HELLO", ending);
  // A relative one must do as well.
  return { cwd, environment: { CLOUDIMG_DATA: "data" }, left: () => readdirSync(join(cwd, "data", "instances")) };
}

test("run boots an image named by a relative path, and ends when the machine does", { timeout: 120_000 }, async () => {
  const { left, ...options } = machineRoom("powerOff");
  const { code, stdout, stderr } = await cloudimg(["run", "boot.raw"], options);
  expect(stdout, stderr).toContain("HELLO");
  expect(code).toBe(0);
  expect(left()).toEqual([]);
});

test("a signal ends a machine that runs, and the exit code says so", { timeout: 120_000 }, async () => {
  const { left, ...options } = machineRoom("halt");
  const child = startCloudimg(["run", "boot.raw"], options);
  const ended = finished(child);
  for (let text = ""; !text.includes("HELLO"); ) text += (await once(child.stdout as NodeJS.ReadableStream, "data"))[0];
  child.kill("SIGTERM");
  expect((await ended).code).toBe(143);
  expect(left()).toEqual([]);
});
