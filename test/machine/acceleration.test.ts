import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { processIdentity } from "../../src/core/process-identity.ts";
import { chooseAcceleration, probeAcceleration } from "../../src/machine/acceleration.ts";
import type { Qemu } from "../../src/machine/find-qemu.ts";
import { temporaryDirectory, testContext, testQemu, until } from "./support.ts";

const probesIn = (cache: string) => readdirSync(join(cache, "machine")).filter((name) => name.endsWith(".img"));

/** A QEMU that behaves as one was seen to behave on a host with a broken KVM. */
async function brokenQemu(script: string): Promise<{ qemu: Qemu; directory: string }> {
  const directory = temporaryDirectory();
  const path = join(directory, "qemu");
  writeFileSync(path, `#!/bin/sh\necho $$ >> ${directory}/pids\n${script}\n`);
  chmodSync(path, 0o755);
  return { qemu: { ...(await testQemu()), command: [path] }, directory };
}

const pidsOf = (directory: string) => readFileSync(join(directory, "pids"), "utf8").trim().split("\n").map(Number);

test.each(["amd64", "arm64"] as const)(
  "the probe boots, and leaves no file (%s)",
  { timeout: 300_000 },
  async (arch) => {
    const context = testContext();
    expect(await probeAcceleration("tcg", await testQemu(arch), context, 30_000)).toBeUndefined();
    expect(probesIn(context.directories.cache)).toEqual([]);
  },
);

test("a QEMU that hangs is ended at the deadline", async () => {
  const context = testContext();
  const { qemu, directory } = await brokenQemu("exec sleep 300");
  const problem = await probeAcceleration("kvm", qemu, context, 300);
  expect(problem).toBe("/dev/kvm opens, but no guest boots in it within 300 ms");
  expect(pidsOf(directory).map(processIdentity)).toEqual([undefined]);
  expect(probesIn(context.directories.cache)).toEqual([]);
});

test("a QEMU that hangs after an internal error is ended at once", async () => {
  const { qemu } = await brokenQemu("echo 'KVM internal error. Suberror: 1' >&2; exec sleep 300");
  const startMs = performance.now();
  expect(await probeAcceleration("kvm", qemu, testContext(), 60_000)).toBe("/dev/kvm opens, but a guest dies in it");
  expect(performance.now() - startMs).toBeLessThan(30_000);
});

test("a QEMU that ends says why", async () => {
  const { qemu } = await brokenQemu("echo 'warning: so so' >&2; echo 'error: failed to set MSR 0x10a' >&2; exit 134");
  expect(await probeAcceleration("kvm", qemu, testContext())).toBe(
    "/dev/kvm opens, but QEMU ends with code 134 in it: error: failed to set MSR 0x10a",
  );
});

test("an interruption ends the probe", async () => {
  const interrupt = new AbortController();
  const { qemu, directory } = await brokenQemu("exec sleep 300");
  const probing = probeAcceleration("kvm", qemu, testContext(interrupt.signal), 60_000);
  await until("it has started", () => readdirSync(directory).includes("pids"));
  interrupt.abort(new Error("interrupted"));
  await expect(probing).rejects.toThrow("interrupted");
});

test("auto always gives something that works, and asks only once", async () => {
  const context = testContext();
  const qemu = await testQemu();
  const chosen = await chooseAcceleration("auto", qemu, context);
  expect(await probeAcceleration(chosen, qemu, context, 30_000)).toBeUndefined();
  const startMs = performance.now();
  expect(await chooseAcceleration("auto", qemu, context)).toBe(chosen);
  expect(performance.now() - startMs).toBeLessThan(100);
});

test("tcg is taken without asking; hvf is refused where there is none", async () => {
  const context = testContext();
  rmSync(context.directories.cache, { recursive: true });
  expect(await chooseAcceleration("tcg", await testQemu(), context)).toBe("tcg");
  if (process.platform === "darwin") return;
  await expect(chooseAcceleration("hvf", await testQemu(), context)).rejects.toMatchObject({
    code: "host/no-acceleration",
    message: "cannot use hvf: only macOS has it",
  });
});

test("a processor that is not the host's is emulated, and a wish for kvm refused", async () => {
  const qemu = await testQemu();
  const foreign = { ...qemu, architecture: { ...qemu.architecture, hostArch: "mips" } };
  expect(await chooseAcceleration("auto", foreign, testContext())).toBe("tcg");
  await expect(chooseAcceleration("kvm", foreign, testContext())).rejects.toThrow(/^cannot use kvm: the image is for/);
});
