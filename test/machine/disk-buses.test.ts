import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bytesSource } from "../../src/core/byte-source.ts";
import { bootRequest, startUntil, temporaryDirectory, testContext, until } from "./support.ts";

test.each(["virtio", "nvme", "scsi", "ide"] as const)("the BIOS boots from a disk on %s", async (diskBus) => {
  const context = testContext();
  const lines: string[] = [];
  const extraDisks = [{ source: bytesSource(Buffer.alloc(512, 1)) }];
  const options = { diskBus, extraDisks, onConsole: (line: string) => lines.push(line) };
  await startUntil("up", await bootRequest("up\r\n", "hang", options), context);
  expect(lines.at(-1)).toBe("up");
});

test("a machine that may reboot goes on", async () => {
  const lines: string[] = [];
  const options = { mayReboot: true, onConsole: (line: string) => lines.push(line) };
  const machine = await startUntil("up", await bootRequest("up\r\n", "reset", options), testContext());
  await until("it prints again", () => lines.filter((line) => line.endsWith("up")).length > 2);
  await machine.stop(0);
});

test("a disk file of one's own stays when the power fails, and is booted from again", async () => {
  const diskFile = join(temporaryDirectory(), "disk.qcow2");
  const request = await bootRequest("up\r\n", "hang", { diskFile, diskSizeBytes: 2 ** 30 });
  const machine = await startUntil("up", request, testContext());
  await machine.cutPower();
  const first = readFileSync(diskFile);
  expect(first.readBigUInt64BE(24)).toBe(2n ** 30n);
  const again = await startUntil("up", { ...request, diskSizeBytes: undefined }, testContext());
  await again.stop(0);
  expect(existsSync(diskFile)).toBe(true);
});
