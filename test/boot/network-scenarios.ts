import { leasedDomain, type Shown } from "./network-cases.ts";

/** Documents that are obeyed one after the other in a namespace, and what must be there after each. */
export interface Scenario {
  readonly cards?: readonly (readonly [name: string, mac: string])[];
  readonly documents: readonly unknown[];
  /** A script for the namespace, before the first document. */
  readonly before?: string;
  /** There is a DHCP server on the wire. */
  readonly hasServer?: boolean;
  readonly want: readonly Want[];
}
type Want = Partial<Omit<Shown, "result">> & {
  readonly problems?: readonly unknown[];
  readonly said?: readonly unknown[];
};

const mac = (number: number) => `52:54:00:00:00:0${number}`;
const one = [["nic0", mac(1)]] as const;
const two = [...one, ["nic1", mac(2)]] as const;
const ethernets = (ethernets: unknown, more: object = {}) => ({ version: 2, ethernets, ...more });
const card = (number: number, rest: object, name = `eth${number - 1}`) => ({
  [name]: { match: { macaddress: mac(number) }, "set-name": name, ...rest },
});
/** In the server's words: option 121, which replaces its router (option 3). */
const leasedRoutes = ["0.0.0.0/0 via 10.77.0.3 dev eth0", "10.88.0.0/16 via 10.77.0.2 dev eth0"];
const leasedDns = { nameservers: ["10.77.0.53", "10.77.0.54"], search: [leasedDomain] };

export const serverScript = `mkdir -p /run/server
cat >/run/server/udhcpd.conf <<END
start 10.77.0.100
end 10.77.0.190
interface br0
lease_file /run/server/leases
pidfile /run/server/udhcpd.pid
opt subnet 255.255.255.0
opt router 10.77.0.1
opt dns 10.77.0.53 10.77.0.54
opt domain replaced.test
opt search ${leasedDomain}
opt mtu 1430
opt staticroutes 10.88.0.0/16 10.77.0.2, 0.0.0.0/0 10.77.0.3
opt lease 600
END
: >/run/server/leases
unshare -n sh -c 'echo $$ >/run/server/pid; ip link add br0 type bridge; ip addr add 10.77.0.1/24 dev br0; ip link set br0 up; exec udhcpd -f -a 20 /run/server/udhcpd.conf' >/run/server/log 2>&1 </dev/null &
`;

export const scenarios: Readonly<Record<string, Scenario>> = {
  "DHCP, then less of it, then static: each document is followed, what nobody wants any more goes": {
    cards: one,
    hasServer: true,
    documents: [
      ethernets(card(1, { dhcp4: true })),
      ethernets(
        card(1, {
          dhcp4: true,
          "dhcp4-overrides": { "use-dns": false, "use-routes": false, "use-mtu": false, "use-domains": false },
          routes: [{ to: "10.99.0.0/16", via: "10.77.0.9" }],
        }),
      ),
      ethernets(
        card(1, { addresses: ["192.0.2.7/24"], gateway4: "192.0.2.1", nameservers: { addresses: ["192.0.2.53"] } }),
      ),
    ],
    want: [
      { routes: leasedRoutes, ...leasedDns, links: { eth0: { mtu: 1430, mac: mac(1) } }, problems: [] },
      {
        routes: ["10.99.0.0/16 via 10.77.0.9 dev eth0"],
        nameservers: [],
        search: [],
        links: { eth0: { mtu: 1500, mac: mac(1) } },
        problems: [],
      },
      {
        ...{ addresses: { eth0: ["192.0.2.7/24"] }, routes: ["0.0.0.0/0 via 192.0.2.1 dev eth0"], problems: [] },
        ...{ nameservers: ["192.0.2.53"], search: [] },
      },
    ],
  },
  "two cards with DHCP are preferred in the order of the document": {
    cards: two,
    hasServer: true,
    documents: [ethernets({ ...card(2, { dhcp4: true }), ...card(1, { dhcp4: true }) })],
    want: [
      {
        routes: [
          "0.0.0.0/0 via 10.77.0.3 dev eth0 metric 200",
          "0.0.0.0/0 via 10.77.0.3 dev eth1 metric 100",
          "10.88.0.0/16 via 10.77.0.2 dev eth0 metric 200",
          "10.88.0.0/16 via 10.77.0.2 dev eth1 metric 100",
        ],
        problems: [],
      },
    ],
  },
  "the image's own documents say nothing: DHCP on the first card": {
    cards: [
      ["eth0", mac(1)],
      ["eth1", mac(2)],
    ],
    hasServer: true,
    documents: [null, null],
    want: [
      { routes: leasedRoutes, ...leasedDns, problems: [] },
      { routes: leasedRoutes, ...leasedDns, problems: [] },
    ],
  },
  "two cards swap their names, and back": {
    cards: [
      ["eth0", mac(1)],
      ["eth1", mac(2)],
    ],
    documents: [
      ethernets({
        ...card(1, { addresses: ["10.0.0.1/24"] }, "eth1"),
        ...card(2, { addresses: ["10.0.1.1/24"] }, "eth0"),
      }),
      ethernets({
        ...card(1, { addresses: ["10.0.0.1/24"] }, "eth0"),
        ...card(2, { addresses: ["10.0.1.1/24"] }, "eth1"),
      }),
    ],
    want: [
      { addresses: { eth1: ["10.0.0.1/24"], eth0: ["10.0.1.1/24"] }, problems: [] },
      { addresses: { eth0: ["10.0.0.1/24"], eth1: ["10.0.1.1/24"] }, problems: [] },
    ],
  },
  "a card that nobody names makes room": {
    cards: [
      ["eth0", mac(1)],
      ["eth1", mac(2)],
    ],
    documents: [ethernets(card(2, { addresses: ["10.0.1.1/24"] }, "eth0"))],
    want: [
      {
        addresses: { eth0: ["10.0.1.1/24"] },
        links: { eth0: { mtu: 1500, mac: mac(2) }, eth1: { mtu: 1500, mac: mac(1) } },
        problems: [],
      },
    ],
  },
  "a late card is waited for; the other is there meanwhile": {
    cards: one,
    // When the other one has been set up, so that it is late however fast the machine is.
    before: `(until ip -4 addr show | grep -q 'inet 10.0.0.1/'; do usleep 50000; done; plug late0 ${mac(2)}) &`,
    documents: [
      ethernets({
        ...card(2, { addresses: ["10.0.1.1/24"], gateway4: "10.0.1.254", nameservers: { addresses: ["10.0.1.53"] } }),
        ...card(1, { addresses: ["10.0.0.1/24"] }),
      }),
    ],
    want: [
      {
        ...{
          addresses: { eth0: ["10.0.0.1/24"], eth1: ["10.0.1.1/24"] },
          routes: ["0.0.0.0/0 via 10.0.1.254 dev eth1"],
        },
        ...{ nameservers: ["10.0.1.53"], problems: [], said: [`waiting for network card ${mac(2)}`] },
      },
    ],
  },
  "a card that never comes is reported and holds nothing else up; one that is optional is not waited for": {
    cards: one,
    documents: [
      ethernets({
        ...card(9, { addresses: ["10.0.9.1/24"] }),
        ...card(1, { addresses: ["10.0.0.1/24"], gateway4: "10.0.0.254" }),
      }),
      ethernets({
        ...card(9, { addresses: ["10.0.9.1/24"], optional: true }),
        ...card(1, { addresses: ["10.0.0.1/24"] }),
      }),
    ],
    want: [
      {
        addresses: { eth0: ["10.0.0.1/24"] },
        routes: ["0.0.0.0/0 via 10.0.0.254 dev eth0"],
        problems: [`this machine has no network card ${mac(9)}`],
      },
      { addresses: { eth0: ["10.0.0.1/24"] }, routes: [], problems: [], said: [] },
    ],
  },
  "one bad setting does not stop the others": {
    cards: two,
    documents: [
      ethernets({
        ...card(1, {
          mtu: 60,
          addresses: ["10.0.0.1/24"],
          routes: [{ to: "10.9.0.0/16", via: "10.0.0.254", "on-link": true }],
        }),
        ...card(2, { addresses: ["10.0.0.1/24", "2001:db8::1/64"], gateway6: "2001:db8::ffff" }),
      }),
    ],
    want: [
      {
        addresses: { eth0: ["10.0.0.1/24"], eth1: ["10.0.0.1/24", "2001:db8::1/64"] },
        routes: ["10.9.0.0/16 via 10.0.0.254 dev eth0", "::/0 via 2001:db8::ffff dev eth1"],
      },
    ],
  },
  "tables, rules, sources and routes that lead nowhere, and then none of it": {
    cards: one,
    documents: [
      ethernets(
        card(1, {
          addresses: ["10.0.0.5/24", "2001:db8::5/64"],
          routes: [
            { to: "default", via: "10.0.0.1", table: 100, metric: 7 },
            { to: "10.7.0.0/16", via: "10.0.0.1", from: "10.0.0.5" },
            { to: "2001:db8:7::/48", via: "2001:db8::1", from: "2001:db8::5" },
          ],
          "routing-policy": [
            { from: "10.0.0.0/24", table: 100, priority: 500 },
            { from: "10.0.0.5", to: "10.8.0.0/16", table: 101 },
            { from: "2001:db8::5", table: 100, mark: 7, priority: 600 },
          ],
        }),
      ),
      ethernets(card(1, { addresses: ["10.0.0.5/24"] })),
    ],
    want: [
      {
        routes: [
          "0.0.0.0/0 via 10.0.0.1 dev eth0 metric 7 table 100",
          "10.7.0.0/16 via 10.0.0.1 dev eth0",
          "2001:db8:7::/48 via 2001:db8::1 dev eth0",
        ],
        rules: [
          ...[
            "0: from all lookup local",
            "500: from 10.0.0.0/24 lookup 100",
            "32001: from 10.0.0.5 to 10.8.0.0/16 lookup 101",
          ],
          ...["32766: from all lookup main", "32767: from all lookup default"],
          ...["0: from all lookup local", "600: from 2001:db8::5 fwmark 0x7 lookup 100", "32766: from all lookup main"],
        ],
        problems: [],
      },
      {
        ...{ addresses: { eth0: ["10.0.0.5/24"] }, routes: [], problems: [] },
        rules: [
          ...["0: from all lookup local", "32766: from all lookup main", "32767: from all lookup default"],
          ...["0: from all lookup local", "32766: from all lookup main"],
        ],
      },
    ],
  },
  "a bond with a VLAN becomes two plain cards": {
    cards: two,
    documents: [
      ethernets(
        { ...card(1, {}), ...card(2, {}) },
        {
          bonds: {
            bond0: {
              interfaces: ["eth0", "eth1"],
              parameters: {
                mode: "802.3ad",
                "lacp-rate": "fast",
                "mii-monitor-interval": 100,
                "transmit-hash-policy": "layer3+4",
              },
              addresses: ["10.0.0.1/24"],
            },
          },
          vlans: { "bond0.7": { id: 7, link: "bond0", addresses: ["10.7.0.1/24"] } },
        },
      ),
      ethernets({ ...card(1, { addresses: ["10.1.0.1/24"] }), ...card(2, { addresses: ["10.2.0.1/24"] }) }),
    ],
    want: [
      { addresses: { bond0: ["10.0.0.1/24"], "bond0.7": ["10.7.0.1/24"] }, problems: [] },
      {
        addresses: { eth0: ["10.1.0.1/24"], eth1: ["10.2.0.1/24"] },
        links: { eth0: { mtu: 1500, mac: mac(1) }, eth1: { mtu: 1500, mac: mac(2) } },
        problems: [],
      },
    ],
  },
  "cards by pattern, and a card with another address": {
    cards: [
      ["ens3", mac(1)],
      ["ens4", mac(2)],
      ["other", mac(3)],
    ],
    documents: [
      ethernets({
        all: { match: { name: "ens*" }, mtu: 1400 },
        third: { match: { macaddress: mac(3) }, "set-name": "lan", macaddress: mac(8), addresses: ["10.0.0.1/24"] },
      }),
      ethernets({ third: { match: { macaddress: mac(3) }, "set-name": "wan", addresses: ["10.0.0.2/24"] } }),
    ],
    want: [
      {
        links: { ens3: { mtu: 1400, mac: mac(1) }, ens4: { mtu: 1400, mac: mac(2) }, lan: { mtu: 1500, mac: mac(8) } },
        addresses: { lan: ["10.0.0.1/24"] },
        problems: [],
      },
      { addresses: { wan: ["10.0.0.2/24"] }, problems: [] },
    ],
  },
  "/etc cannot be written: resolv.conf is laid over the one that is there": {
    cards: one,
    before: "mount -o remount,ro /etc",
    documents: [
      ethernets(card(1, { nameservers: { addresses: ["192.0.2.53"] } })),
      ethernets(card(1, { nameservers: { addresses: ["192.0.2.54"] } })),
    ],
    want: [
      { nameservers: ["192.0.2.53"], problems: [] },
      { nameservers: ["192.0.2.54"], problems: [] },
    ],
  },
  "resolv.conf is a link: it stays one, and what it leads to is written": {
    cards: one,
    before:
      "rm /etc/resolv.conf; mkdir /run/cloudimg/elsewhere; ln -s /run/cloudimg/elsewhere/resolv.conf /etc/resolv.conf",
    documents: [ethernets(card(1, { nameservers: { addresses: ["192.0.2.53"] } }))],
    want: [{ nameservers: ["192.0.2.53"], problems: [] }],
  },
};

/** On a card of a virtual network, whose router advertises 2001:db8:7::/64 and serves DHCP and DHCPv6. */
export const liveMac = "52:54:00:aa:00:02";
const live = (rest: object) => ethernets({ eth0: { match: { macaddress: liveMac }, "set-name": "eth0", ...rest } });
const subnets = (...types: string[]) => ({
  version: 1,
  config: [{ type: "physical", name: "eth0", mac_address: liveMac, subnets: types.map((type) => ({ type })) }],
});
const madeAddress = "2001:db8:7:0:5054:ff:feaa:2/64";
const byRouter = "::/0 via fe80::1 dev eth0";
export const liveOptions = {
  ipv4: ["10.7.0.1/24"],
  dhcp: {
    lease: {
      address: "10.7.0.20/24",
      routers: ["10.7.0.9"],
      routes: [{ to: "0.0.0.0/0", via: "10.7.0.1" }],
      nameservers: ["10.7.0.53"],
    },
  },
  ipv6: { prefixes: ["2001:db8:7::1/64"] },
  dhcp6: { lease: { address: "2001:db8:7::20", nameservers: ["2001:db8:7::53"], search: ["six.test"] } },
};
export const liveScenarios: Readonly<Record<string, Scenario>> = {
  "router advertisements, DHCPv6 for all, for options only, and none of it": {
    before: `take ${liveMac}`,
    documents: [
      subnets("ipv6_slaac"),
      live({ dhcp6: true }),
      subnets("ipv6_dhcpv6-stateless"),
      live({ addresses: ["2001:db8:7::9/64"], gateway6: "2001:db8:7::1", "accept-ra": false }),
      live({
        dhcp4: true,
        dhcp6: true,
        "dhcp4-overrides": { "route-metric": 50 },
        "dhcp6-overrides": { "use-dns": false },
      }),
    ],
    want: [
      { addresses: { eth0: [madeAddress] }, routes: [byRouter], nameservers: [], problems: [] },
      {
        ...{ addresses: { eth0: ["2001:db8:7::20/128", madeAddress] }, routes: [byRouter], problems: [] },
        ...{ nameservers: ["2001:db8:7::53"], search: ["six.test"] },
      },
      {
        addresses: { eth0: [madeAddress] },
        routes: [byRouter],
        nameservers: ["2001:db8:7::53"],
        search: ["six.test"],
        problems: [],
      },
      {
        addresses: { eth0: ["2001:db8:7::9/64"] },
        routes: ["::/0 via 2001:db8:7::1 dev eth0"],
        nameservers: [],
        search: [],
        problems: [],
      },
      {
        addresses: { eth0: ["10.7.0.20/24", "2001:db8:7::20/128", madeAddress] },
        ...{
          routes: ["0.0.0.0/0 via 10.7.0.1 dev eth0 metric 50", byRouter],
          nameservers: ["10.7.0.53"],
          problems: [],
        },
      },
    ],
  },
};
