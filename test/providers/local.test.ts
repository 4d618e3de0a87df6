import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { obtainTools } from "../../src/build/tools.ts";
import { createContext } from "../../src/commands/environment.ts";
import { bytesSource } from "../../src/core/byte-source.ts";
import { instanceConfig } from "../../src/guest-config/from-profile.ts";
import { listInstances, terminateInstance } from "../../src/machine/instances.ts";
import { imageStoreDirectory } from "../../src/providers/local/image-store.ts";
import type { BuiltImage, RunningInstance } from "../../src/providers/provider.ts";
import { providers } from "../../src/providers/registry.ts";
import { bootProgram } from "../machine/boot-programs.ts";
import { temporaryDirectory, testContext, until } from "../machine/support.ts";
import { providerContract, testProfile } from "./provider-contract.ts";

const tools = createContext(() => {}, new AbortController().signal, undefined);

function built(ending: Parameters<typeof bootProgram>[2], identity = "1".repeat(64)): BuiltImage {
  const path = bootProgram(temporaryDirectory(), "up\r\n", ending);
  return { name: "contract", path, format: "raw", identity, sizeBytes: 1024 * 1024 };
}

async function setUp(ending: Parameters<typeof bootProgram>[2] = "obey") {
  const provider = await providers.local({ obtain: (packages) => obtainTools(packages, tools) });
  return { provider, context: testContext(), image: (identity: string) => built(ending, identity) };
}

async function launch(ending: Parameters<typeof bootProgram>[2], more: object = {}) {
  const { provider, context, image } = await setUp(ending);
  const profile = testProfile(more);
  const lines: string[] = [];
  const imported = await provider.importImage(image("1".repeat(64)), context);
  const instance: RunningInstance = await provider.launch(
    {
      image: imported,
      profile,
      config: instanceConfig(profile, "i-local", []),
      configDrive: bytesSource(new Uint8Array(2048)),
      onConsole: (line) => lines.push(line),
    },
    context,
  );
  await until("the guest is up", () => lines.includes("up"));
  return { provider, context, imported, instance, lines };
}

describe("the contract", () => providerContract(setUp));

describe("the image store", () => {
  const stored = (context: ReturnType<typeof testContext>) => readdirSync(imageStoreDirectory(context));

  test("keeps the bytes and the holes", async () => {
    const { provider, context } = await setUp();
    const path = bootProgram(temporaryDirectory(), "text", "hang");
    truncateSync(path, 32 * 1024 * 1024);
    const { id } = await provider.importImage({ ...built("hang"), path }, context);
    const copy = join(imageStoreDirectory(context), id, "disk.raw");
    expect(readFileSync(copy).equals(readFileSync(path))).toBe(true);
    expect(statSync(copy).blocks * 512).toBeLessThan(1024 * 1024);
  });

  test("two imports at once give one image", async () => {
    const { provider, context, image } = await setUp();
    const both = [image("1".repeat(64)), image("1".repeat(64))].map((one) => provider.importImage(one, context));
    const [first, second] = await Promise.all(both);
    expect(first?.id).toBe(second?.id);
    expect([first?.existed, second?.existed].sort()).toEqual([false, true]);
    expect(stored(context)).toEqual([first?.id]);
  });

  test.each([
    ["is not an image", "nothing of the kind\n", "raw", /is neither a disk image nor a raw disk/],
    ["is of two files", undefined, "vmdk-flat", /vmdk-flat is not one file/],
    ["is not what it is said to be", undefined, "qcow2", /it should be qcow2, but is raw/],
  ])("a file that %s is refused, and leaves nothing", async (_name, content, format, message) => {
    const { provider, context } = await setUp();
    const image = { ...built("hang"), format };
    if (content !== undefined) writeFileSync(image.path, content);
    await expect(provider.importImage(image, context)).rejects.toMatchObject({
      message: expect.stringMatching(message),
      exitCode: 6,
    });
    expect(await provider.listImages(context)).toEqual([]);
  });

  test("an interrupted import leaves nothing", async () => {
    const { provider, context, image } = await setUp();
    const interrupted = { ...context, signal: AbortSignal.abort(new Error("interrupted")) };
    await expect(provider.importImage(image("1".repeat(64)), interrupted)).rejects.toThrow("interrupted");
    mkdirSync(imageStoreDirectory(context), { recursive: true });
    expect(stored(context)).toEqual([]);
  });

  test("what a killed run has left is removed by the next import", async () => {
    const { provider, context, image } = await setUp();
    // No process has a number as large: /proc/sys/kernel/pid_max is at most 2^22.
    mkdirSync(join(imageStoreDirectory(context), ".new-4194305-0"), { recursive: true });
    mkdirSync(join(imageStoreDirectory(context), `.new-${process.pid}-0`));
    await provider.importImage(image("1".repeat(64)), context);
    expect(stored(context).filter((name) => name.startsWith("."))).toEqual([`.new-${process.pid}-0`]);
  });

  test("a directory that cannot be written is an error", async () => {
    const { provider, context, image } = await setUp();
    const data = join(context.directories.data, "file");
    writeFileSync(data, "");
    const misled = { ...context, directories: { ...context.directories, data } };
    await expect(provider.importImage(image("1".repeat(64)), misled)).rejects.toMatchObject({
      code: "host/not-writable",
    });
  });
});

describe("an instance", () => {
  test("that dies says why, and its console is still there", async () => {
    const { instance } = await launch("reset");
    expect(await instance.died).toBe("the guest rebooted or crashed");
    expect(await instance.console()).toContain("up");
    await instance.terminate();
  });

  test("has a disk of the size that was asked for, and cannot have a smaller one", async () => {
    const { instance, context } = await launch("obey", { instance: { diskSize: "3GiB" } });
    const overlay = readFileSync(join(context.directories.data, "instances", "i-local", "disk.qcow2"));
    expect(overlay.readBigUInt64BE(24)).toBe(3n * 1024n ** 3n);
    await instance.terminate();
    await expect(launch("obey", { instance: { diskSize: "64KiB" } })).rejects.toMatchObject({
      code: "image/disk-too-small",
    });
  });

  test("may have several cards, each with its own network", async () => {
    const interfaces = [{}, { dhcp: false, addresses: ["192.0.2.7/24"], gateway: "192.0.2.1" }];
    const { instance } = await launch("obey", { instance: { interfaces } });
    await instance.terminate();
  });

  test("protects its image, can be kept, and ended by its name", async () => {
    const { provider, context, imported, instance } = await launch("obey");
    await instance.keep();
    await expect(provider.removeImage(imported.id, context)).rejects.toMatchObject({
      code: "cloud/image-in-use",
      message: `cannot remove the image ${imported.id}: the instance i-local runs from it`,
    });
    expect(listInstances(context)).toMatchObject([
      { id: "i-local", state: "running", kept: true, ports: { ssh: instance.ssh.port, http: instance.http.port } },
    ]);
    await terminateInstance("i-local", 10_000, context);
    await provider.removeImage(imported.id, context);
    expect(listInstances(context)).toEqual([]);
  });
});
