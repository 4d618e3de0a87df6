import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { playCloud } from "../../src/commands/running-as.ts";
import type { MachineRequest } from "../../src/machine/machine.ts";
import { type BuiltForBoot, buildForBoot, withGuest } from "./boot.ts";

const mac = "52:54:00:aa:00:01";
const yaml = `
extends: cloudimg:base
image:
  name: probe
instance:
  interfaces:
    - mac: ${mac}
`;

const clouds = [
  {
    name: "tencent",
    source: "config-drive",
    nic: "172.16.0.10/24",
    dns: "183.60.83.19",
    ask: "http://metadata.tencentyun.com/latest/meta-data/instance-name",
  },
  {
    name: "alibaba",
    source: "alibaba",
    nic: "172.16.0.10/24",
    dns: "100.100.2.136",
    ask: "http://100.100.100.200/latest/meta-data/hostname",
  },
  {
    name: "huawei",
    source: "openstack",
    nic: "172.16.0.10/24",
    dns: "100.125.1.250",
    ask: "http://169.254.169.254/latest/meta-data/hostname",
  },
  {
    name: "openstack",
    source: "openstack",
    nic: "172.16.0.10/24",
    dns: "10.0.2.3",
    ask: "http://169.254.169.254/latest/meta-data/hostname",
  },
] as const;

describe("a machine with --as", { timeout: 300_000 }, () => {
  let built: BuiltForBoot;
  beforeAll(async () => {
    built = await buildForBoot(yaml);
  });
  afterAll(() => built?.remove());

  test.each(clouds)(
    "$name: the guest finds its source, and ssh comes in by its address",
    async ({ name, source, nic, dns, ask }) => {
      const forwards: MachineRequest["forwards"] = [
        { name: "ssh", wish: { port: 0 }, guestAddress: "", guestPort: 22 },
      ];
      const ending = new AbortController();
      try {
        await withGuest(
          built,
          async ({ run, console }) => {
            expect(await run("ip -o -4 addr show dev eth0 | awk '{print $4}'")).toBe(nic);
            expect(await run("cat /etc/resolv.conf")).toContain(`nameserver ${dns}`);
            expect(await run(`wget -qO- ${ask}`)).toBe("probe");
            expect(await run("hostname")).toBe("probe");
            expect(console()).toMatch(new RegExp(`ready: source=${source}\\b`, "i"));
          },
          {
            machine: async (config) => (await playCloud(name, config, { forwards }, ending)).changes,
          },
        );
      } finally {
        ending.abort();
      }
    },
  );
});
