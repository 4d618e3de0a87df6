import { expect, test } from "vitest";
import { networkData } from "../../src/guest-config/formats/network-data.ts";
import { bestNic, compareNaturally, type Nic } from "../../src/guest-config/network/nics.ts";
import { parseNetworkData } from "../../src/guest-config/network/openstack-network.ts";
import { failures, shellScript } from "../../src/guest-config/network/steps.ts";
import type { InterfaceState, NetworkState } from "../../src/guest-config/network-state.ts";
import { twoNics } from "./instance-configs.ts";
import { planNetwork } from "./network/plan-network.ts";

const mac = (index: number) => `52:54:00:00:00:0${index}`;
const nic = (name: string, index: number, rest: Partial<Nic> = {}): Nic => ({
  name,
  mac: mac(index),
  isUp: false,
  hasCarrier: false,
  ...rest,
});
const nics = [nic("eth0", 1), nic("eth1", 2)];

function state(index: number, rest: Partial<InterfaceState>): InterfaceState {
  const nothing = { addresses: [], routes: [], nameservers: [], search: [] };
  return { kind: "physical", mac: mac(index), dhcp4: false, slaac: false, ...nothing, ...rest };
}
function network(...interfaces: InterfaceState[]): NetworkState {
  return { interfaces, nameservers: [], search: [] };
}
const shell = (plan: ReturnType<typeof planNetwork>) => plan.steps.map((step) => step.shell);

test("static on the second card, DHCP on the first", () => {
  const { network: parsed } = parseNetworkData(networkData(twoNics.network));
  if (parsed === undefined) throw new Error("nothing parsed");
  const plan = planNetwork(parsed, nics, false);
  expect(shell(plan)).toEqual([
    "ip link set lo up",
    "up eth0",
    "ignore eth1",
    "put 1400 /sys/class/net/eth1/mtu",
    "up eth1",
    "ip addr add 192.0.2.7/24 broadcast + dev eth1",
    "ip addr add 198.51.100.9/32 dev eth1",
    "ip addr add 2001:db8::7/64 dev eth1",
    "ip route add 203.0.113.0/24 via 192.0.2.1 dev eth1 metric 50",
    "ip route add 0.0.0.0/0 via 192.0.2.1 dev eth1 metric 200",
    "ip route add ::/0 via 2001:db8::1 dev eth1",
  ]);
  expect(plan).toMatchObject({
    dhcp: [{ nic: "eth0", family: 4, metric: 0, ignored: [] }],
    nameservers: ["192.0.2.53"],
    search: ["example.org"],
    missing: [],
    problems: [],
  });
});

test("a static default route without a metric is preferred to DHCP's", () => {
  const route = { to: "0.0.0.0/0", via: "10.0.0.1" };
  const plan = planNetwork(
    network(state(1, { dhcp4: true }), state(2, { addresses: ["10.0.0.5/24"], routes: [route] })),
    nics,
    true,
  );
  expect(plan.dhcp).toMatchObject([{ nic: "eth0", metric: 100 }]);
});

test("several DHCP cards are preferred in the order of the document", () => {
  const plan = planNetwork(network(state(2, { dhcp4: true, mtu: 1400 }), state(1, { dhcp4: true })), nics, true);
  expect(plan.dhcp).toMatchObject([
    { nic: "eth1", metric: 100, ignored: ["mtu"] },
    { nic: "eth0", metric: 200, ignored: [] },
  ]);
});

test("Linux refuses a second route of the same metric, so it gets the next one", () => {
  const routes = ["10.0.0.1", "10.0.0.2", "10.0.0.1"].map((via) => ({ to: "0.0.0.0/0", via }));
  const plan = planNetwork(network(state(1, { addresses: ["10.0.0.5/24"], routes })), nics, true);
  expect(shell(plan).slice(2)).toEqual([
    "ip route add 0.0.0.0/0 via 10.0.0.1 dev eth0",
    "ip route add 0.0.0.0/0 via 10.0.0.2 dev eth0 metric 1",
  ]);
  expect(plan.notes).toEqual(["eth0: route to 0.0.0.0/0 via 10.0.0.2: the metric is taken, so it gets 1"]);
  expect(plan.problems).toEqual([]);
});

test("what other routes lead over comes first; gateways off the subnet are on the link", () => {
  const routes = [
    { to: "0.0.0.0/0", via: "198.51.100.1", onLink: true },
    { to: "10.9.0.0/16", via: "198.51.100.1" },
    { to: "198.51.100.1/32" },
  ];
  expect(shell(planNetwork(network(state(1, { addresses: ["203.0.113.9/32"], routes })), nics, true)).slice(2)).toEqual(
    [
      "ip route add 198.51.100.1/32 dev eth0",
      "ip route add 10.9.0.0/16 via 198.51.100.1 dev eth0",
      "ip route add 0.0.0.0/0 via 198.51.100.1 dev eth0 onlink",
    ],
  );
});

test("a card that is not there is missing, and the others are set up", () => {
  const plan = planNetwork(network(state(9, { dhcp4: true }), state(1, { addresses: ["10.0.0.5/24"] })), nics, true);
  expect(plan.missing).toEqual([{ what: mac(9), isCard: true, isAwaited: true, isOptional: false }]);
  expect(shell(plan)).toContain("ip addr add 10.0.0.5/24 broadcast + dev eth0");
});

test("two cards swap names", () => {
  const plan = planNetwork(network(state(1, { name: "eth1" }), state(2, { name: "eth0" })), nics, true);
  expect(shell(plan)).toEqual([
    "ip link set dev eth0 down && ip link set dev eth0 name cirename0",
    "ip link set dev eth1 down && ip link set dev eth1 name cirename1",
    "ip link set dev cirename0 down && ip link set dev cirename0 name eth1",
    "ip link set dev cirename1 down && ip link set dev cirename1 name eth0",
    "up eth1",
    "up eth0",
  ]);
});

test("a VLAN is made on its parent, also if it comes first", () => {
  const vlan = state(5, { kind: "vlan", vlan: { id: 100, parent: 1 }, addresses: ["10.100.0.5/24"] });
  expect(shell(planNetwork(network(vlan, state(1, {})), nics, true))).toEqual([
    "up eth0",
    "[ -e /sys/class/net/eth0.100 ] || { module 8021q; ip link add link eth0 name eth0.100 type vlan id 100; }",
    `setmac eth0.100 ${mac(5)}`,
    "up eth0.100",
    "ip addr add 10.100.0.5/24 broadcast + dev eth0.100",
  ]);
});

test("names from a document cannot break out of the shell script", () => {
  const plan = planNetwork(network(state(1, { name: "a';reboot;'" })), nics, true);
  expect(shellScript(plan.steps)).toContain(`name 'a'\\'';reboot;'\\'''`);
});

test("what is there already is no failure; what the program said is in the message", () => {
  const steps = ["a", "b", "c"].map((title) => ({ title: `do ${title}`, shell: title }));
  const output =
    "ip: RTNETLINK answers: File exists\nfailed 0\nip: RTNETLINK answers: Network is unreachable\nfailed 2\n";
  expect(failures(steps, output)).toEqual(["cannot do c: ip: RTNETLINK answers: Network is unreachable"]);
  expect(failures(steps, "failed 1\n")).toEqual(["cannot do b: failed"]);
});

test("the best card: with carrier, eth0 first, in natural order", () => {
  const names = ["eth10", "eth2", "ens3", "eth0"].sort(compareNaturally);
  expect(names).toEqual(["ens3", "eth0", "eth2", "eth10"]);
  const cards = names.map((name, index) => nic(name, index));
  expect(bestNic(cards)?.name).toBe("eth0");
  expect(bestNic(cards.map((card) => ({ ...card, hasCarrier: card.name === "eth2" })))?.name).toBe("eth2");
  expect(bestNic([])).toBeUndefined();
});
