import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { obtainTools } from "../../src/build/tools.ts";
import { createContext } from "../../src/commands/environment.ts";
import { probeAcceleration } from "../../src/machine/acceleration.ts";
import { findQemu } from "../../src/machine/find-qemu.ts";
import { temporaryDirectory, testContext } from "./support.ts";

function program(directory: string, script: string): string {
  const path = join(directory, "qemu-system-x86_64");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const withPath = (...directories: string[]) => ({ ...testContext(), environment: { PATH: directories.join(":") } });

test("without QEMU and without a way to get one, says how to install it", async () => {
  const found = findQemu({ arch: "amd64", context: withPath("/nonexistent", "") });
  await expect(found).rejects.toMatchObject({
    message: "cannot run a machine: there is no qemu-system-x86_64 on PATH",
    exitCode: 4,
    problems: [{ code: "host/no-qemu", hint: expect.stringMatching(/^install QEMU: /) }],
  });
});

test("each processor has an emulator of its own", async () => {
  for (const [arch, name] of [
    ["arm64", "qemu-system-aarch64"],
    ["riscv64", "qemu-system-riscv64"],
  ] as const)
    await expect(findQemu({ arch, context: withPath("/nonexistent") })).rejects.toThrow(`there is no ${name} on PATH`);
});

test("takes the first on PATH that is a program, and reads its version", async () => {
  const [nothing, directory] = [temporaryDirectory(), temporaryDirectory()];
  mkdirSync(join(nothing, "qemu-system-x86_64"));
  const path = program(directory, 'echo "QEMU emulator version 9.2.4 (Debian 1:9.2.4+ds-1)"');
  expect(await findQemu({ arch: "amd64", context: withPath(nothing, directory) })).toMatchObject({
    command: [path],
    version: "9.2.4",
    origin: "path",
  });
});

test("one on PATH that does not start is passed over, with a warning", async () => {
  const directory = temporaryDirectory();
  const path = program(directory, "echo error while loading shared libraries >&2; exit 127");
  const context = withPath(directory);
  await expect(findQemu({ arch: "amd64", context })).rejects.toThrow("there is no qemu-system-x86_64 on PATH");
  expect(context.events).toEqual([
    { type: "log", level: "warning", message: `${path} does not work; looking for another QEMU` },
  ]);
});

test("the one from Debian's packages boots, firmware included", { timeout: 300_000 }, async () => {
  const tools = createContext(() => {}, new AbortController().signal, 2);
  const context = withPath("/nonexistent");
  const qemu = await findQemu({ arch: "amd64", context, obtain: (packages) => obtainTools(packages, tools) });
  expect(qemu.origin).toBe("packages");
  expect(await probeAcceleration("tcg", qemu, context, 30_000)).toBeUndefined();
});
