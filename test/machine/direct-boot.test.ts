import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cpioArchive } from "../../src/build/filesystems/cpio.ts";
import { readAll } from "../../src/core/byte-source.ts";
import { Tree } from "../../src/core/tree.ts";
import { startMachine } from "../../src/machine/start.ts";
import { cloudKernel } from "../boot/cloud-kernel.ts";
import { tinyInit } from "../boot/tiny-init.ts";
import { fileOf } from "../build/boot/grub-package.ts";
import { bootRequest, temporaryDirectory, testContext } from "./support.ts";

/** Boots Debian's kernel with an init that ends the machine. */
async function bootKernel(cmdline: string): Promise<{ why: string; lines: string[] }> {
  const directory = temporaryDirectory();
  const [kernelPath, initrdPath] = [join(directory, "kernel, one"), join(directory, "initrd")];
  const tree = new Tree();
  tree.set("/init", { ...fileOf(tinyInit("init was here")), mode: 0o755 });
  writeFileSync(kernelPath, readAll(await cloudKernel()));
  writeFileSync(initrdPath, readAll(cpioArchive(tree)));
  const lines: string[] = [];
  const request = await bootRequest("the boot sector is not run", "hang", {
    ...{ bootFrom: { kernelPath, initrdPath, cmdline }, memoryBytes: 256 * 1024 ** 2 },
    onConsole: (line) => lines.push(line),
  });
  const machine = await startMachine(request, testContext());
  const why = await machine.died;
  await machine.stop(0);
  return { why, lines };
}

test("a kernel that is handed to the machine gets its command line and its initrd", { timeout: 120_000 }, async () => {
  const { why, lines } = await bootKernel("console=ttyS0 quiet panic=-1 a=b,c");
  expect({ why, said: lines.join("\n") }).toEqual({
    why: "the guest powered off",
    said: expect.stringMatching(/init was here/),
  });
});

test("no character of the console is lost while this process is too busy to read", { timeout: 120_000 }, async () => {
  const busyMs = 100;
  const busy = setInterval(() => {
    const end = performance.now() + busyMs;
    while (performance.now() < end);
  }, busyMs + 5);
  const { lines } = await bootKernel("console=ttyS0 panic=-1 last=word").finally(() => clearInterval(busy));
  const fromKernel = lines.slice(lines.findIndex((line) => line.includes("Linux version")));
  expect(fromKernel.length).toBeGreaterThan(200);
  expect(fromKernel.filter((line) => !/^\[ *\d+\.\d{6}\] /.test(line))).toEqual(["init was here"]);
  expect(fromKernel.join("\n")).toContain("Kernel command line: console=ttyS0 panic=-1 last=word\n");
});
