import { expect, test } from "vitest";
import { type Nic, shortMac } from "../../../src/guest-config/network/nics.ts";
import type { InterfaceState, NetworkState } from "../../../src/guest-config/network-state.ts";
import { planNetwork } from "./plan-network.ts";

const mac = (index: number) => `52:54:00:00:00:0${index}`;
const nic = (name: string, index: number, rest: Partial<Nic> = {}): Nic => ({
  ...{ name, mac: mac(index), isUp: false, hasCarrier: false, ...rest },
});
const nics = [nic("eth0", 1), nic("eth1", 2), nic("eth2", 3)];
function state(rest: Partial<InterfaceState>): InterfaceState {
  const nothing = { addresses: [], routes: [], nameservers: [], search: [] };
  return { kind: "physical", dhcp4: false, slaac: false, ...nothing, ...rest };
}
const network = (...interfaces: InterfaceState[]): NetworkState => ({ interfaces, nameservers: [], search: [] });
const titles = (wanted: NetworkState, cards: readonly Nic[] = nics) =>
  planNetwork(wanted, cards, true).steps.map(({ title }) => title);
const found = (wanted: NetworkState, cards: readonly Nic[] = nics) =>
  planNetwork(wanted, cards, true).interfaces.map(({ currentName, name }) => [currentName, name]);

test("cards are found by MAC address, name, pattern and driver; who names one comes before who wants all", () => {
  expect(
    found(network(state({ match: { names: ["eth*"] } }), state({ name: "eth1" }), state({ mac: mac(3), name: "lan" }))),
  ).toEqual([
    ["eth0", "eth0"],
    ["eth1", "eth1"],
    ["eth2", "lan"],
  ]);
  const drivers = [nic("a", 1, { driver: "virtio_net" }), nic("b", 2, { driver: "hv_netvsc" })];
  expect(found(network(state({ match: { drivers: ["virtio*"] }, name: "wan" })), drivers)).toEqual([["a", "wan"]]);
  expect(found(network(state({ mac: mac(2), match: { drivers: ["mlx5"] } })), drivers)).toEqual([]);
  // Of two cards with one address, such as a virtual function and what it belongs to, the driver says which.
  const twins = [nic("eth0", 1, { driver: "hv_netvsc" }), nic("eth1", 1, { driver: "mlx4_core" })];
  expect(found(network(state({ mac: mac(1), match: { drivers: ["mlx4*"] } })), twins)).toEqual([["eth1", "eth1"]]);
});

test("a card that was renamed is found by its first name", () => {
  const renamed = [nic("lan", 1, { firstName: "eth0" })];
  expect(found(network(state({ match: { names: ["eth0"] }, name: "lan" })), renamed)).toEqual([["lan", "lan"]]);
});

test("an InfiniBand card is found by the six bytes that documents have of its twenty", () => {
  const long = "80:00:02:08:fe:80:00:00:00:00:00:00:ec:0d:9a:03:00:78:c3:50";
  expect(shortMac(long)).toBe("ec:0d:9a:78:c3:50");
  expect(
    found(network(state({ kind: "infiniband", mac: "ec:0d:9a:78:c3:50", name: "ib0" })), [
      nic("ibp1", 1, { mac: long }),
    ]),
  ).toEqual([["ibp1", "ib0"]]);
});

test("a bond: its mode, its settings, its members, then up; members are not started before", () => {
  const bond = state({
    kind: "bond",
    name: "bond0",
    mtu: 9000,
    bond: {
      members: [1, 2],
      parameters: { updelay: "200", primary: "first", miimon: "100", mode: "active-backup", nonsense: "1" },
    },
  });
  const wanted = network(bond, state({ mac: mac(1), id: "first" }), state({ mac: mac(2) }));
  expect(titles(wanted)).toEqual([
    "create bond0",
    "set mode of bond0 to active-backup",
    "set miimon of bond0 to 100",
    "set updelay of bond0 to 200",
    "set primary of bond0 to first",
    "take eth0 into bond0",
    "take eth1 into bond0",
    "set the MTU of bond0 to 9000",
    "start bond0",
  ]);
  const { problems, steps } = planNetwork(wanted, nics, true);
  expect(steps[4]?.shell).toBe("put eth0 /sys/class/net/bond0/bonding/primary");
  expect(problems).toEqual(['bond0: bonds have no parameter "nonsense"']);
});

test("watching links by ARP turns the other way off, so that is not set", () => {
  const parameters = { mode: "active-backup", miimon: "100", arp_interval: "200", arp_ip_target: "10.0.0.1,10.0.0.2" };
  expect(titles(network(state({ kind: "bond", name: "bond0", bond: { members: [], parameters } })))).toEqual([
    "create bond0",
    "set mode of bond0 to active-backup",
    "set arp_interval of bond0 to 200",
    "set arp_ip_target of bond0 to 10.0.0.1",
    "set arp_ip_target of bond0 to 10.0.0.2",
    "start bond0",
  ]);
});

test("from the bottom to the top: a bridge on a VLAN on a bond, whatever the order of the document", () => {
  const wanted = network(
    state({
      kind: "bridge",
      name: "br0",
      bridge: { ports: [1], parameters: { stp: false, fd: 0, pathcost: { lan: 50 } } },
    }),
    state({ kind: "vlan", name: "lan", vlan: { id: 7, parent: 2 }, mtu: 9000 }),
    state({ kind: "bond", name: "bond0", bond: { members: [3], parameters: {} } }),
    state({ mac: mac(1) }),
  );
  expect(titles(wanted)).toEqual([
    "create bond0",
    // Nobody says how links are watched.
    "set miimon of bond0 to 100",
    "take eth0 into bond0",
    // What the VLAN is on must take its packets.
    "set the MTU of bond0 to 9000",
    "start bond0",
    "create lan",
    "set the MTU of lan to 9000",
    "start lan",
    "create br0",
    "set fd of br0 to 0",
    "set stp of br0 to false",
    "take lan into br0",
    "set pathcost of lan to 50",
    "start br0",
  ]);
});

test("interfaces that are made of each other are made once", () => {
  const wanted = network(
    state({ kind: "bridge", name: "br0", bridge: { ports: [1], parameters: {} } }),
    state({ kind: "bond", name: "bond0", bond: { members: [0], parameters: {} } }),
  );
  expect(titles(wanted).filter((title) => title.startsWith("create"))).toHaveLength(2);
});

test("what somebody else has brought up gets what it lacks, but no other name and no DHCP", () => {
  const wanted = network(state({ mac: mac(1), name: "lan", isManual: true, dhcp4: true, addresses: ["10.0.0.5/24"] }));
  const plan = planNetwork(wanted, [nic("eth0", 1, { isUp: true })], true);
  expect(plan.steps.map(({ title }) => title)).toEqual(["start eth0", "give eth0 10.0.0.5/24"]);
  expect(plan.dhcp).toEqual([]);
});

test("DHCP obeys as far as the document lets it", () => {
  const dhcp4Overrides = {
    ...{ "route-metric": 7, "use-dns": false, "use-mtu": "no", "use-domains": "route", "use-ntp": false },
    ...{ "send-hostname": false, "use-hostname": true, "use-routes": false },
  };
  const wanted = network(
    state({ mac: mac(1), dhcp4: true, dhcp4Overrides }),
    state({ mac: mac(2), dhcp6: "stateless", isOptional: true }),
  );
  expect(planNetwork(wanted, nics, true).dhcp).toEqual([
    {
      ...{ nic: "eth0", family: 4, isStateless: false, metric: 7, ignored: ["mtu", "routes", "dns", "domains", "ntp"] },
      ...{ hostname: false, takesHostname: true, isOptional: false },
    },
    {
      ...{ nic: "eth1", family: 6, isStateless: true, metric: 0, ignored: [] },
      takesHostname: false,
      isOptional: true,
    },
  ]);
});

test("routes over a gateway that only a lease makes reachable wait for the lease; others do not", () => {
  const routes = [
    { to: "10.9.0.0/16", via: "10.0.0.1" },
    { to: "10.8.0.0/16", via: "192.0.2.1" },
    { to: "::/0", via: "fe80::1" },
  ];
  const plan = planNetwork(
    network(state({ mac: mac(1), dhcp4: true, addresses: ["192.0.2.7/24"], routes })),
    nics,
    true,
  );
  expect(plan.late.map(({ shell, nic: card }) => [card, shell])).toEqual([
    ["eth0", "ip route add 10.9.0.0/16 via 10.0.0.1 dev eth0"],
  ]);
  expect(plan.steps.map(({ shell }) => shell)).toContain("ip route add 10.8.0.0/16 via 192.0.2.1 dev eth0");
});

test("a missing card: awaited, unless it is optional or only named as a member", () => {
  const wanted = network(
    state({ mac: mac(7) }),
    state({ mac: mac(8), isOptional: true }),
    state({ name: "eth9", isPlaceholder: true }),
    state({ kind: "vlan", name: "lan", vlan: { id: 5, parent: 0 } }),
  );
  expect(planNetwork(wanted, nics, true).missing).toEqual([
    { what: mac(7), isCard: true, isAwaited: true, isOptional: false },
    { what: mac(8), isCard: true, isAwaited: false, isOptional: true },
    { what: "eth9", isCard: true, isAwaited: false, isOptional: false },
    { what: "lan", isCard: false, isAwaited: false, isOptional: false },
  ]);
});

test("routers: heeded, ignored, preferred in the order of the document", () => {
  const wanted = network(
    state({ mac: mac(1), slaac: true }),
    state({ mac: mac(2), dhcp6: "stateful", linkLocal: [] }),
    state({ mac: mac(3), acceptRa: false, subnetMtu6: 1400 }),
  );
  const shell = planNetwork(wanted, nics, true).steps.map((step) => step.shell);
  const conf = "/proc/sys/net/ipv6/conf";
  expect(shell).toEqual([
    "heed eth0",
    `try 1 ${conf}/eth0/autoconf`,
    `try 0 ${conf}/eth0/router_solicitation_delay`,
    "up eth0",
    "heed eth1",
    `try 0 ${conf}/eth1/router_solicitation_delay`,
    `try 1124 ${conf}/eth1/ra_defrtr_metric`,
    `try 1 ${conf}/eth1/addr_gen_mode`,
    "up eth1",
    "ignore eth2",
    "up eth2",
    `try 1400 ${conf}/eth2/mtu`,
  ]);
});
