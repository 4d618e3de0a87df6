import { describe, expect, test } from "vitest";
import { playedCloudNames } from "../../src/commands/run.ts";
import type { InstanceConfig, InterfaceConfig } from "../../src/guest-config/model.ts";
import { smbiosWords } from "../../src/machine/smbios.ts";
import { type PlayedCloud, playedClouds } from "../../src/providers/played-clouds.ts";
import { playedNetwork } from "../../src/providers/played-network.ts";

const card = (last: number, more: Partial<InterfaceConfig> = {}): InterfaceConfig => ({
  ...{ mac: `52:54:00:00:00:0${last}`, dhcp4: true, addresses: [], routes: [], nameservers: [], search: [] },
  ...more,
});
const configOf = (...interfaces: InterfaceConfig[]): InstanceConfig => ({
  ...{ instanceId: "i", hostname: "h", authorizedKeys: {}, network: { interfaces, nameservers: [], search: [] } },
});

test("the command line knows the clouds that there are", () => {
  expect([...playedCloudNames]).toEqual(Object.keys(playedClouds));
});

test("each shows in its DMI what guests look for", () => {
  const shown = Object.entries(playedClouds).map(([name, { smbios }]) => [
    name,
    ...smbiosWords(smbios).filter((word) => word !== "-smbios"),
  ]);
  expect(shown).toEqual([
    ["tencent", "type=1,manufacturer=Tencent Cloud,product=CVM"],
    ["alibaba", "type=1,manufacturer=Alibaba Cloud,product=Alibaba Cloud ECS"],
    ["huawei", "type=1,manufacturer=Huawei Cloud", "type=3,asset=HUAWEICLOUD"],
    ["openstack", "type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova", "type=3,manufacturer=QEMU"],
  ]);
});

describe("the network around an instance", () => {
  test("of a cloud that tells addresses: they are static, the default route goes by the first card", () => {
    const { config, options, addresses } = playedNetwork(playedClouds.tencent, configOf(card(1), card(2)));
    const [first, second] = config.network.interfaces;
    expect(first).toMatchObject({
      dhcp4: false,
      addresses: ["172.16.0.10/24"],
      routes: [{ to: "0.0.0.0/0", via: "172.16.0.1" }],
    });
    expect(second).toMatchObject({ dhcp4: false, addresses: ["172.16.1.10/24"], routes: [] });
    expect(config.network.nameservers).toEqual(["183.60.83.19", "183.60.82.98"]);
    expect(options.ipv4).toEqual(["172.16.0.1/24", "172.16.1.1/24"]);
    expect(addresses).toEqual([
      { address: "172.16.0.10/24", gateway: "172.16.0.1" },
      { address: "172.16.1.10/24", gateway: "172.16.1.1" },
    ]);
  });

  test("of a cloud with DHCP: the configuration stays, leases are by card", () => {
    const { config, options } = playedNetwork(playedClouds.alibaba, configOf(card(1), card(2)));
    expect(config.network.interfaces).toEqual([card(1), card(2)]);
    expect(options.dhcp?.leases).toEqual({
      "52:54:00:00:00:01": {
        ...{ address: "172.16.0.10/24", routers: ["172.16.0.253"], hostname: "h" },
        ...{ nameservers: ["100.100.2.136", "100.100.2.138"], ntp: ["100.100.61.88"] },
      },
      "52:54:00:00:00:02": expect.objectContaining({ address: "172.16.1.10/24", routers: ["172.16.1.253"] }),
    });
  });

  test("the way to the metadata service is told where that cloud tells it, and the link's MTU", () => {
    const { options } = playedNetwork(playedClouds.openstack, configOf(card(1)));
    const lease = options.dhcp?.leases?.["52:54:00:00:00:01"];
    expect(lease?.mtu).toBe(1450);
    expect(options.mtuBytes).toBe(1450);
    expect(lease?.routes).toEqual([
      { to: "0.0.0.0/0", via: "172.16.0.1" },
      { to: "169.254.169.254/32", via: "172.16.0.1" },
    ]);
  });

  test("addresses of the profile stay, and have their routers", () => {
    const routes = [
      { to: "0.0.0.0/0", via: "192.0.2.254" },
      { to: "::/0", via: "2001:db8::1" },
    ];
    const cloud: PlayedCloud = playedClouds.tencent;
    const nic = card(1, { dhcp4: false, addresses: ["192.0.2.7/25", "2001:db8::7/48"], routes });
    const { config, options, addresses } = playedNetwork(
      cloud,
      configOf(nic, card(2, { dhcp4: false, addresses: ["10.1.2.1/24"] })),
    );
    expect(config.network.interfaces[0]).toEqual(nic);
    expect(options.ipv4).toEqual(["192.0.2.254/25", "10.1.2.2/24"]);
    expect(options.ipv6).toEqual({ prefixes: ["2001:db8::1/48"], silent: true });
    expect(addresses[0]).toEqual({ address: "192.0.2.7/25", gateway: "192.0.2.254" });
  });
});
