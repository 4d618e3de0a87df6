import { readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { obtainTools } from "../../src/build/tools.ts";
import { driveInFormat } from "../../src/commands/config-drive-source.ts";
import { observeBoot } from "../../src/providers/boot-observer.ts";
import type { CloudName } from "../../src/providers/cloud.ts";
import { type Internet, makeInternet } from "../../src/rehearsal/internet.ts";
import { pngToJpeg } from "../../src/rehearsal/jpeg.ts";
import type { EmulatedMachine, MachineMaker, MachineOrder } from "../../src/rehearsal/machine-maker.ts";
import { readPng } from "../../src/rehearsal/png.ts";
import { qemuMachines } from "../../src/rehearsal/qemu-machines.ts";
import { httpRequest } from "../../src/smoke/http-request.ts";
import { makeRunKey } from "../../src/smoke/run-key.ts";
import { sshSession } from "../../src/smoke/ssh-session.ts";
import { processesWith } from "../processes.ts";
import { startHttpServer } from "../smoke/servers.ts";
import { type BuiltForBoot, buildForBoot } from "./boot.ts";

const page = "<h1>rehearsed</h1>";
const yaml = `
extends: cloudimg:base
image:
  name: probe
services:
  http:
    page: ${page}
`;

const GiB = 1024 ** 3;
const address = "203.0.113.9";
const script = "#!/bin/sh\nhostname > /tmp/told\n";

interface Played {
  readonly cloud: CloudName;
  readonly order: Pick<MachineOrder, "firmware" | "diskBus" | "privateAddress">;
  readonly source: string;
  readonly disk: string;
  /** With its length, and the router. */
  readonly network: readonly [string, string];
  readonly region: string;
  readonly hostname: string;
}

const clouds: readonly Played[] = [
  {
    cloud: "tencent",
    order: { firmware: "bios", diskBus: "virtio", privateAddress: "172.16.17.5" },
    ...{ source: "config-drive", disk: "vda", network: ["172.16.17.5/20", "172.16.16.1"] },
    ...{ region: "http://169.254.0.23/latest/meta-data/placement/region", hostname: "probe" },
  },
  {
    cloud: "alibaba",
    order: { firmware: "bios", diskBus: "nvme", privateAddress: "172.31.32.7" },
    ...{ source: "alibaba", disk: "nvme0n1", network: ["172.31.32.7/20", "172.31.47.253"] },
    ...{ region: "http://100.100.100.200/latest/meta-data/region-id", hostname: "probe" },
  },
  {
    cloud: "huawei",
    order: { firmware: "uefi", diskBus: "virtio", privateAddress: "192.168.0.200" },
    ...{ source: "openstack", disk: "vda", network: ["192.168.0.200/24", "192.168.0.1"] },
    ...{ region: "http://169.254.169.254/openstack/latest/meta_data.json", hostname: "probe" },
  },
];

describe("a rehearsed instance really boots", { timeout: 300_000 }, () => {
  let built: BuiltForBoot;
  let make: MachineMaker;
  let imagePath: string;
  beforeAll(async () => {
    built = await buildForBoot(yaml);
    imagePath = (built.files.find(({ format }) => format === "qcow2") ?? built.files[0])?.path as string;
    const { context } = built;
    make = qemuMachines(
      { configDrive: driveInFormat, obtain: (names) => obtainTools(names, context) },
      { ...context, emit: () => {} },
    );
  });
  afterAll(() => built?.remove());

  function orderFor(cloud: CloudName, more: Partial<MachineOrder>): MachineOrder {
    return {
      ...{ cloud, instanceId: `i-${cloud}`, hostname: "probe", region: "rehearsal-1", imagePath },
      ...{ firmware: "bios", diskBus: "virtio", cpus: 1, memoryBytes: GiB / 2, diskSizeBytes: 4 * GiB },
      ...{ publicAddress: address, privateAddress: "10.0.0.9", openPorts: [22, 80] },
      ...{ publicKeyLine: undefined, userData: undefined, ...more },
    };
  }

  test.each(clouds)("as one of $cloud", async ({ cloud, order, source, disk, network, region }) => {
    const internet = makeInternet();
    const signal = new AbortController().signal;
    const key = await makeRunKey();
    const said: string[] = [];
    const outside = await startHttpServer((request, response) => {
      said.push(`${request.headers.host} ${request.url}`);
      response.end("heard");
    });
    const machine = await make(
      orderFor(cloud, {
        ...order,
        publicKeyLine: key.publicKeyLine,
        // Bytes that are no text.
        userData: gzipSync(script),
        outside: { "store.example.com": { host: "127.0.0.1", port: outside.port } },
      }),
      internet,
      signal,
    );
    try {
      const hostKeys = await readyHostKeys(machine, signal);
      const { dial } = internet;
      const session = sshSession({
        ...{ host: address, port: 22, user: "root", privateKey: key.privateKey, dial },
        hostKeys: () => hostKeys,
      });
      const run = async (command: string) => (await session.run(command, signal)).stdout.trim();
      // Services start when the initializer is done.
      await expect.poll(() => run("true").catch(() => undefined), { timeout: 60_000 }).toBe("");
      const status = JSON.parse(await run("cat /run/cloudimg/status.json")) as Record<string, unknown>;
      expect(status).toMatchObject({ source, instanceId: `i-${cloud}` });
      expect(status["errors"]).toEqual([]);
      expect(await run("hostname")).toMatch(/^probe/);
      expect(await run("until [ -s /tmp/told ]; do sleep 0.2; done; cat /tmp/told")).toMatch(/^probe/);
      expect(await run("ip -o -4 addr show dev eth0 | awk '{print $4}'; ip route show default")).toMatch(
        new RegExp(`^${network[0]}\\ndefault via ${network[1]} `),
      );
      expect(await run(`cat /sys/block/${disk}/size`)).toBe(String((4 * GiB) / 512));
      expect(await run("[ -d /sys/firmware/efi ] && echo uefi || echo bios")).toBe(order.firmware);
      expect(await run(`wget -qO- ${region}`)).toContain("rehearsal-1");
      expect(await run("wget -qO- http://store.example.com/log?a=1")).toBe("heard");
      expect(said).toEqual(["store.example.com /log?a=1"]);
      session.close();
      const get = async () => (await httpRequest({ host: address, port: 80, dial }, "/", false, signal)).body;
      await expect.poll(() => get().catch(() => undefined), { timeout: 60_000 }).toContain(page);
      await expect(dial({ host: address, port: 8080 }, signal)).rejects.toThrow(/no answer/);
      expect(await machine.console()).toMatch(new RegExp(`ready: source=${source}\\b`));
      if (cloud === "alibaba") {
        const png = (await machine.screenshot?.()) as Uint8Array;
        const { width, height } = readPng(png);
        const jpeg = Buffer.from(pngToJpeg(png));
        // SOF0: height, then width.
        const at = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
        expect([jpeg.readUInt16BE(at + 7), jpeg.readUInt16BE(at + 5)]).toEqual([width, height]);
      }
    } finally {
      await machine.end();
      await outside.close();
    }
    await machine.end();
    await nothingIsLeft(internet);
  });

  test("an end of the rehearsal ends it, in its boot or before", async () => {
    const internet = makeInternet();
    const early = new AbortController();
    const starting = make(orderFor("tencent", {}), internet, early.signal);
    early.abort(new Error("it is over"));
    await expect(starting).rejects.toThrow("over");

    const later = new AbortController();
    const machine = await make(orderFor("huawei", { publicAddress: undefined }), internet, later.signal);
    await expect.poll(() => machine.console(), { timeout: 60_000 }).not.toBe("");
    later.abort(new Error("it is over"));
    await machine.end();
    await nothingIsLeft(internet);
  });

  test("a file that is no image, a disk that is too small", async () => {
    const internet = makeInternet();
    const { signal } = new AbortController();
    await expect(
      make(orderFor("tencent", { imagePath: import.meta.filename }), internet, signal),
    ).rejects.toMatchObject({ code: "image/not-an-image" });
    await expect(make(orderFor("tencent", { diskSizeBytes: 1024 ** 2 }), internet, signal)).rejects.toMatchObject({
      code: "image/disk-too-small",
    });
    await nothingIsLeft(internet);
  });

  /** No process, no file, no address. */
  async function nothingIsLeft(internet: Internet): Promise<void> {
    const { data } = built.context.directories;
    expect(readdirSync(join(data, "instances"))).toEqual([]);
    expect(await processesWith(data)).toEqual([]);
    const { signal } = new AbortController();
    await expect(internet.dial({ host: address, port: 22 }, signal)).rejects.toThrow(/no route/);
  }
});

/** Waits for the boot, as a publish does: by what the console says. */
async function readyHostKeys(machine: EmulatedMachine, signal: AbortSignal): Promise<readonly string[]> {
  const boot = observeBoot();
  let told = 0;
  await expect
    .poll(
      async () => {
        const lines = (await machine.console()).split("\n");
        for (const line of lines.slice(told, -1)) boot.line(line);
        told = lines.length - 1;
        return boot.timeline().readyMs;
      },
      { timeout: 120_000, interval: 200 },
    )
    .toBeDefined();
  expect(signal.aborted).toBe(false);
  return boot.hostKeys();
}
