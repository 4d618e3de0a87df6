import fc from "fast-check";
import { expect, test } from "vitest";
import { parseOsConf } from "../../../src/guest-config/network/os-conf.ts";
import { conformanceSuite } from "../conformance.ts";

const runs = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 500);

interface Expected {
  readonly hostname: string;
  readonly password_hash?: string;
  readonly password_user?: string;
  readonly interfaces: Readonly<Record<string, { mac: string; addresses: string[]; gateways: { via: string }[] }>>;
  readonly nameservers: readonly string[];
}

conformanceSuite("tencent-os-conf", ({ input, expected }) => {
  const { hostname, passwordHash, passwordUser, network, problems } = parseOsConf(String(input));
  const wanted = expected as Expected;
  expect({ hostname, passwordHash, problems }).toEqual({
    hostname: wanted.hostname,
    passwordHash: wanted.password_hash,
    problems: [],
  });
  if (wanted.password_user !== undefined) expect(passwordUser).toBe(wanted.password_user);
  expect(network?.nameservers).toEqual(wanted.nameservers);
  expect(
    network?.interfaces.map(({ id, mac, addresses, routes }) => [id, mac, addresses, routes.map(({ via }) => via)]),
  ).toEqual(
    Object.entries(wanted.interfaces).map(([name, card]) => [
      name,
      card.mac,
      card.addresses,
      card.gateways.map(({ via }) => via),
    ]),
  );
});

test("Alibaba's dialect: default routes are among the routes, a gateway is none", () => {
  const { network, passwordHash, problems } = parseOsConf(
    [
      "hostname=iZexample",
      "password=cGFzc3dvcmQ=",
      "eth0_ip_addr=10.0.0.7",
      "eth0_mac_addr=00:16:3E:00:00:01",
      "eth0_netmask=255.255.255.0",
      "eth0_gateway=10.0.0.1",
      'eth0_route="10.0.0.0/8 10.0.0.1;172.16.0.0/12 10.0.0.1"',
      "eth1_ip_addr=192.0.2.7",
      "eth1_mac_addr=00:16:3e:00:00:02",
      "eth1_netmask=255.255.255.0",
      "eth1_gateway=192.0.2.1",
      'eth1_route="0.0.0.0/0 192.0.2.1"',
      'dns_nameserver="192.0.2.53 198.51.100.53"',
    ].join("\r\n"),
  );
  expect(problems).toEqual([]);
  expect(passwordHash).toBe("cGFzc3dvcmQ=");
  expect(network?.interfaces.map(({ mac, routes }) => [mac, ...routes.map(({ to, via }) => `${to} ${via}`)])).toEqual([
    ["00:16:3e:00:00:01", "10.0.0.0/8 10.0.0.1", "172.16.0.0/12 10.0.0.1"],
    ["00:16:3e:00:00:02", "0.0.0.0/0 192.0.2.1"],
  ]);
});

test.each([
  ["no address", "eth0_mac_addr=52:54:00:00:00:01", []],
  ["the word dhcp", "eth0_ip_addr=DHCP", []],
  ["a bad address", "eth0_ip_addr=10.0.0", [expect.stringContaining("bad address: 10.0.0")]],
  [
    "a mask with holes",
    "eth0_ip_addr=10.0.0.7\neth0_netmask=255.0.255.0",
    [expect.stringContaining("netmask 255.0.255.0")],
  ],
])("a card with %s asks a server", (_, text, problems) => {
  const parsed = parseOsConf(text);
  expect(parsed.network?.interfaces[0]).toMatchObject({ dhcp4: true, addresses: [], routes: [] });
  expect(parsed.problems).toEqual(problems);
});

test("a gateway outside the subnet is on the wire", () => {
  const { network } = parseOsConf("eth0_ip_addr=10.0.0.7\neth0_netmask=255.255.255.255\neth0_gateway=10.0.0.1\n");
  expect(network?.interfaces[0]?.routes).toEqual([
    { to: "0.0.0.0/0", via: "10.0.0.1", isGateway: true, onLink: true, metric: undefined },
  ]);
});

test("no text makes the parser throw", () => {
  const key = fc.constantFrom(
    "hostname",
    "password",
    "eth0_ip_addr",
    "eth0_route",
    "eth1_mac_addr",
    "dns_nameserver",
    "eth0_netmask",
  );
  const line = fc.oneof(
    fc.tuple(key, fc.string()).map(([name, value]) => `${name}=${value}`),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => void parseOsConf(lines.join("\n"))),
    { numRuns: runs },
  );
});
