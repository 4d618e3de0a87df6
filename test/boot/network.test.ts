import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectedNetwork, showNetwork, shownNetwork } from "../guest-config/expected-network.ts";
import { type BuiltForBoot, buildForBoot, withGuest } from "./boot.ts";

const yaml = `
extends: cloudimg:base
image:
  name: probe
instance:
  interfaces:
    - {}
    - addresses: [192.0.2.7/24, 192.0.2.8/24]
      routes:
        - { to: 198.51.100.0/24, via: 192.0.2.1, metric: 50 }
        - { to: 203.0.113.0/25, via: 192.0.2.9 }
      nameservers: [192.0.2.53]
      search: [example.test, lab.test]
      mtu: 1400
`;

describe("a guest with two network cards", { timeout: 300_000 }, () => {
  let built: BuiltForBoot;
  beforeAll(async () => {
    built = await buildForBoot(yaml);
  });
  afterAll(() => built?.remove());

  test("the second has exactly the addresses, routes and DNS of the drive, the first keeps DHCP", async () => {
    await withGuest(built, async ({ config, run }) => {
      const macs = config.network.interfaces.map(({ mac }) => mac);
      expect(await run("cat /sys/class/net/eth0/address /sys/class/net/eth1/address")).toBe(macs.join("\n"));

      const addresses = await run("ip -o -4 addr show | awk '{print $2, $4}' | sort");
      expect(addresses.split("\n")).toEqual([
        "eth0 10.0.2.15/24",
        "eth1 192.0.2.7/24",
        "eth1 192.0.2.8/24",
        "lo 127.0.0.1/8",
      ]);
      expect(await run("cat /sys/class/net/eth1/mtu")).toBe("1400");
      expect(await run("cat /sys/class/net/eth0/mtu")).toBe("1500");

      const routes = (await run("ip -4 route show")).split("\n").map((line) => line.trim().replace(/ +/g, " "));
      expect(routes.filter((line) => line.includes("dev eth1")).sort()).toEqual([
        expect.stringMatching(/^192\.0\.2\.0\/24 dev eth1 .*src 192\.0\.2\.7$/),
        "198.51.100.0/24 via 192.0.2.1 dev eth1 metric 50",
        "203.0.113.0/25 via 192.0.2.9 dev eth1",
      ]);
      expect(routes.filter((line) => line.startsWith("default"))).toEqual([
        expect.stringMatching(/^default via 10\.0\.2\.2 dev eth0/),
      ]);

      const resolver = await run("cat /etc/resolv.conf");
      const nameservers = resolver.split("\n").filter((line) => line.startsWith("nameserver"));
      expect(nameservers).toContain("nameserver 192.0.2.53");
      expect(resolver).toMatch(/^search .*example\.test.* lab\.test/m);

      const lease = { address: "10.0.2.15/24", router: "10.0.2.2", nameservers: ["10.0.2.3"] };
      const shown = shownNetwork(await run(showNetwork));
      expect(shown).toEqual(expectedNetwork(config.network, ["eth0", "eth1"], { eth0: lease }));

      const status = JSON.parse(await run("cat /run/cloudimg/status.json"));
      expect(status).toMatchObject({ status: "done", source: "config-drive" });
    });
  });
});
