import { expect, test } from "vitest";
import { expectedNetwork, shownNetwork } from "./expected-network.ts";
import { twoNics } from "./instance-configs.ts";

/** Copied from a guest of ours that ran with this configuration. */
const output = `== addresses
1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
1: lo    inet6 ::1/128 scope host \\       valid_lft forever preferred_lft forever
2: eth0    inet 10.0.2.15/24 brd 10.0.2.255 scope global eth0\\       valid_lft forever preferred_lft forever
2: eth0    inet6 fec0::5054:ff:fe00:1/64 scope site tentative dynamic flags 100 \\       valid_lft 86400sec preferred_lft 14400sec
2: eth0    inet6 fe80::5054:ff:fe00:1/64 scope link \\       valid_lft forever preferred_lft forever
3: eth1    inet 192.0.2.7/24 brd 192.0.2.255 scope global eth1\\       valid_lft forever preferred_lft forever
3: eth1    inet 198.51.100.9/32 scope global eth1\\       valid_lft forever preferred_lft forever
3: eth1    inet6 2001:db8::7/64 scope global \\       valid_lft forever preferred_lft forever
3: eth1    inet6 fe80::5054:ff:fe00:2/64 scope link \\       valid_lft forever preferred_lft forever
== routes4
default via 10.0.2.2 dev eth0 
default via 192.0.2.1 dev eth1  metric 200 
10.0.2.0/24 dev eth0 scope link  src 10.0.2.15 
192.0.2.0/24 dev eth1 scope link  src 192.0.2.7 
203.0.113.0/24 via 192.0.2.1 dev eth1  metric 50 
== routes6
2001:db8::/64 dev eth1  metric 256 
fe80::/64 dev eth0  metric 256 
fec0::/64 dev eth0  metric 256  expires 0sec
default via 2001:db8::1 dev eth1  metric 1024 
default via fe80::2 dev eth0  metric 1024  expires 0sec
== resolv
search example.org lan.test two.test
nameserver 192.0.2.53
nameserver 10.0.2.3
`;
const leases = {
  eth0: { address: "10.0.2.15/24", router: "10.0.2.2", nameservers: ["10.0.2.3"], search: ["lan.test", "two.test"] },
};

test("a guest shows exactly what its configuration says", () => {
  expect(shownNetwork(output)).toEqual(expectedNetwork(twoNics.network, ["eth0", "eth1"], leases));
});

test.each([
  ["another metric", "metric 200", "metric 201"],
  ["a route too few", "203.0.113.0/24 via 192.0.2.1 dev eth1  metric 50 \n", ""],
  ["an address too many", "1: lo ", "3: eth1    inet 192.0.2.8/24 scope global eth1\n1: lo "],
  [
    "the name servers in another order",
    "nameserver 192.0.2.53\nnameserver 10.0.2.3",
    "nameserver 10.0.2.3\nnameserver 192.0.2.53",
  ],
])("%s is noticed", (_, from, to) => {
  expect(output).toContain(from);
  expect(shownNetwork(output.replace(from, to))).not.toEqual(
    expectedNetwork(twoNics.network, ["eth0", "eth1"], leases),
  );
});
