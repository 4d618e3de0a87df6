import { expect, test } from "vitest";
import type { InterfaceConfig } from "../../src/guest-config/model.ts";
import { localNetworks } from "../../src/providers/local/networks.ts";

function networksOf(...interfaces: Partial<InterfaceConfig>[]) {
  const complete = interfaces.map((nic) => ({
    ...{ mac: "52:54:00:00:00:01", dhcp4: true, addresses: [], routes: [], nameservers: [], search: [] },
    ...nic,
  }));
  const network = { interfaces: complete, nameservers: [], search: [] };
  return localNetworks({ instanceId: "i", hostname: "h", authorizedKeys: {}, network });
}

test("cards that ask by DHCP have networks of their own", () => {
  expect(networksOf({}, { mac: "52:54:00:00:00:02" })).toEqual([
    {
      mac: "52:54:00:00:00:01",
      network: "10.0.2.0/24",
      router: "10.0.2.2",
      dns: "10.0.2.3",
      dhcpStart: "10.0.2.15",
      guestAddress: "10.0.2.15",
    },
    {
      mac: "52:54:00:00:00:02",
      network: "10.0.3.0/24",
      router: "10.0.3.2",
      dns: "10.0.3.3",
      dhcpStart: "10.0.3.15",
      guestAddress: "10.0.3.15",
    },
  ]);
});

test("a static card finds its router and its DNS server where it was told they are", () => {
  expect(
    networksOf({
      dhcp4: false,
      addresses: ["2001:db8::7/64", "192.0.2.7/24"],
      routes: [
        { to: "10.0.0.0/8", via: "192.0.2.253" },
        { to: "0.0.0.0/0", via: "192.0.2.1" },
      ],
      nameservers: ["9.9.9.9", "192.0.2.53"],
    })[0],
  ).toMatchObject({
    network: "192.0.2.0/24",
    router: "192.0.2.1",
    dns: "192.0.2.53",
    dhcpStart: "192.0.2.15",
    guestAddress: "192.0.2.7",
  });
});

test.each([
  ["the usual router's", "10.1.1.2/24", { router: "10.1.1.3", dns: "10.1.1.4", dhcpStart: "10.1.1.15" }],
  ["the usual first DHCP", "10.1.1.15/24", { router: "10.1.1.2", dns: "10.1.1.3", dhcpStart: "10.1.1.16" }],
])("an address that is %s moves the other", (_name, address, others) => {
  expect(networksOf({ addresses: [address] })[0]).toMatchObject({ ...others, guestAddress: address.split("/")[0] });
});

test.each([
  ["203.0.113.66/30", "203.0.113.0/24"],
  ["203.0.113.66/32", "203.0.113.0/24"],
  ["172.16.5.4/12", "172.16.0.0/12"],
  ["223.255.255.9/24", "223.255.255.0/24"],
])("%s is put into %s: no network smaller than /24 is played", (address, network) => {
  expect(networksOf({ addresses: [address] })[0]?.network).toBe(network);
});

test("one server that is both router and DNS stays the router", () => {
  const nic = {
    addresses: ["192.0.2.7/24"],
    routes: [{ to: "0.0.0.0/0", via: "192.0.2.1" }],
    nameservers: ["192.0.2.1"],
  };
  expect(networksOf(nic)[0]).toMatchObject({ router: "192.0.2.1", dns: "192.0.2.3" });
});
