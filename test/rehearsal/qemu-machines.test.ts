import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { driveInFormat } from "../../src/commands/config-drive-source.ts";
import { createContext } from "../../src/commands/environment.ts";
import { readAll } from "../../src/core/byte-source.ts";
import type { Context } from "../../src/core/context.ts";
import { metadataResponder } from "../../src/guest-config/formats/metadata-tree.ts";
import { playedClouds } from "../../src/providers/played-clouds.ts";
import { placeInSubnet, playedNetwork } from "../../src/providers/played-network.ts";
import { startSurroundings } from "../../src/providers/surroundings.ts";
import type { MachineOrder } from "../../src/rehearsal/machine-maker.ts";
import { qemuHost } from "../../src/rehearsal/qemu-host.ts";
import { configOfOrder } from "../../src/rehearsal/qemu-instance.ts";
import { qemuMachines } from "../../src/rehearsal/qemu-machines.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-machines-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const bytes = Uint8Array.of(0x1f, 0x8b, 0, 0xff, 0xfe);
const order: MachineOrder = {
  ...{ cloud: "huawei", instanceId: "i-1", hostname: "probe", imagePath: "/nowhere", firmware: "bios" },
  ...{ diskBus: "virtio", cpus: 1, memoryBytes: 2 ** 29, diskSizeBytes: 2 ** 30 },
  ...{ publicAddress: "203.0.113.9", privateAddress: "172.16.17.5", openPorts: [22] },
  ...{ publicKeyLine: "ssh-ed25519 AAAA mine", userData: bytes },
};

function contextWith(environment: Record<string, string> = {}): Context {
  const own = { ...process.env, CLOUDIMG_DATA: join(directory, "data"), ...environment };
  return createContext(() => {}, new AbortController().signal, undefined, own);
}

describe("what an instance is told", () => {
  test("as much as its cloud was: id, name, key, user data, a card of the cloud's make", () => {
    const config = configOfOrder(order);
    expect(config).toMatchObject({
      ...{ instanceId: "i-1", hostname: "probe", userData: bytes },
      authorizedKeys: { root: ["ssh-ed25519 AAAA mine"] },
    });
    expect(config.network.interfaces.map(({ mac, dhcp4 }) => [mac, dhcp4])).toEqual([
      [expect.stringMatching(/^fa:16:3e(:[0-9a-f]{2}){3}$/), true],
    ]);
    const { mac } = configOfOrder({ ...order, instanceId: "i-2" }).network.interfaces[0] as { mac: string };
    expect(mac).not.toBe(config.network.interfaces[0]?.mac);
    expect(configOfOrder({ ...order, publicKeyLine: undefined, userData: undefined })).toMatchObject({
      authorizedKeys: {},
    });
  });

  test.each([
    ["tencent", "172.16.17.5", "172.16.17.5/20", "172.16.16.1"],
    ["alibaba", "172.31.32.7", "172.31.32.7/20", "172.31.47.253"],
    ["huawei", "192.168.0.200", "192.168.0.200/24", "192.168.0.1"],
    // The address is the router's usual one.
    ["huawei", "192.168.0.1", "192.168.0.1/24", "192.168.0.2"],
    ["tencent", "223.255.255.5", "223.255.255.5/20", "223.255.240.1"],
  ] as const)("%s: %s is %s behind %s", (cloud, privateAddress, address, router) => {
    expect(placeInSubnet(playedClouds[cloud], privateAddress)).toEqual({ address, router });
  });

  test("the address comes by DHCP, or is told with its router, as the cloud does it", () => {
    const place = [{ address: "172.16.17.5/20", router: "172.16.16.1" }];
    const config = configOfOrder(order);
    const { mac } = config.network.interfaces[0] as { mac: string };
    const asked = playedNetwork(playedClouds.huawei, config, place);
    expect(asked.config.network.interfaces[0]).toMatchObject({ dhcp4: true, addresses: [] });
    expect(asked.options.dhcp?.leases?.[mac]).toMatchObject({ address: "172.16.17.5/20", routers: ["172.16.16.1"] });
    const told = playedNetwork(playedClouds.tencent, config, place);
    expect(told.config.network.interfaces[0]).toMatchObject({
      ...{ dhcp4: false, addresses: ["172.16.17.5/20"], routes: [{ to: "0.0.0.0/0", via: "172.16.16.1" }] },
    });
    expect(asked.options.ipv4).toEqual(["172.16.16.1/20"]);
  });

  test.each([
    ["tencent", "/latest/user-data"],
    ["alibaba", "/2016-01-01/user-data"],
    ["huawei", "/openstack/latest/user_data"],
  ] as const)("%s: user data that is no text comes as it is", (cloud, path) => {
    const { status, body } = metadataResponder(cloud, configOfOrder(order))("GET", path, {});
    expect([status, body]).toEqual([200, bytes]);
  });

  test("on Tencent's CD too, with os.conf", async () => {
    const around = await startSurroundings(
      "tencent",
      configOfOrder({ ...order, cloud: "tencent" }),
      { configDrive: driveInFormat, places: [{ address: "172.16.17.5/20", router: "172.16.16.1" }] },
      new AbortController().signal,
    );
    try {
      const cd = Buffer.from(readAll(around.configDrive as NonNullable<typeof around.configDrive>));
      expect(cd.includes(Buffer.from(bytes))).toBe(true);
      expect(cd.includes("eth0_ip_addr=172.16.17.5\n")).toBe(true);
      expect(cd.includes("eth0_gateway=172.16.16.1\n")).toBe(true);
      expect(around.address).toBe("172.16.17.5");
    } finally {
      await around.close();
      await around.close();
    }
  });
});

describe("what machines need of this host", () => {
  /** A program that tells its version, as QEMU does, and how often it was asked. */
  function fakeQemu(): { path: string; asked(): number } {
    const path = mkdtempSync(join(directory, "path-"));
    const log = join(path, "asked");
    writeFileSync(log, "");
    const program = join(path, "qemu-system-x86_64");
    writeFileSync(program, `#!/bin/sh\necho asked >> ${log}\necho "QEMU emulator version 10.0.2"\n`);
    chmodSync(program, 0o755);
    return { path, asked: () => readFileSync(log, "utf8").split("\n").length - 1 };
  }

  test("is found once, however many are started", async () => {
    const { path, asked } = fakeQemu();
    const host = qemuHost(undefined, "tcg", contextWith({ PATH: path }));
    const [one, other] = await Promise.all([host(order), host({ ...order })]);
    expect(one).toMatchObject({ qemu: { version: "10.0.2" }, acceleration: "tcg", firmware: undefined });
    expect(other).toBe(one);
    expect(asked()).toBe(1);
  });

  test("what is not there is told, and looked for again the next time", async () => {
    const path = mkdtempSync(join(directory, "path-"));
    const host = qemuHost(undefined, "tcg", contextWith({ PATH: path }));
    await expect(host(order)).rejects.toMatchObject({ code: "host/no-qemu" });
    const { path: real } = fakeQemu();
    writeFileSync(join(path, "qemu-system-x86_64"), readFileSync(join(real, "qemu-system-x86_64")));
    chmodSync(join(path, "qemu-system-x86_64"), 0o755);
    expect(await host(order)).toMatchObject({ acceleration: "tcg" });
  });

  test("a machine that cannot start leaves nothing: no address, no network", async () => {
    const make = qemuMachines({ configDrive: driveInFormat, accel: "tcg" }, contextWith({ PATH: directory }));
    const attached: string[] = [];
    const network = {
      attach(address: string) {
        attached.push(address);
        return () => {};
      },
    };
    const signal = new AbortController().signal;
    await expect(make(order, network, signal)).rejects.toMatchObject({ code: "host/no-qemu" });
    expect(attached).toEqual([]);
    const over = AbortSignal.abort(new Error("over"));
    await expect(make(order, network, over)).rejects.toThrow("over");
  });
});
