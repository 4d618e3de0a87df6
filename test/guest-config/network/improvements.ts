import { expect } from "vitest";
import type { JsonObject } from "../../../src/guest-config/initializer/json-values.ts";
import type { ConformanceCase } from "../conformance.ts";
import type { Normalized } from "./normalized.ts";

/** Documents of which we make more than cloud-init does, whatever case they are from: what was recorded must be among it. Those that we know are in ../deviations.ts, exactly. */
export const improvements: readonly {
  readonly reason: string;
  readonly families: readonly string[];
  readonly applies: (recorded: ConformanceCase) => boolean;
}[] = [
  {
    reason:
      "what is said is kept: routes without an address, search domains without name servers, a gateway beside DHCP",
    families: ["network-config-v1", "network-config-v2"],
    applies: ({ quirks }) => quirks !== undefined,
  },
  {
    reason: "what is no MAC address is reported, and the card found by its name",
    families: ["network-config-v1", "network-config-v2"],
    applies: ({ input }) => /"mac_?address":"(?!([0-9a-f]{2}[:-]){5,19}[0-9a-f]{2}")/i.test(JSON.stringify(input)),
  },
  {
    reason: "a parameter of a bond with underscores is meant as much as one with dashes",
    families: ["network-config-v1"],
    applies: ({ input }) => /"bond_(?!interfaces)/.test(JSON.stringify(input)),
  },
  {
    reason: "an address may be a mapping of itself to its label and lifetime, as in netplan",
    families: ["network-config-v2"],
    applies: ({ input }) => /"addresses":\[[^\]]*\{/.test(JSON.stringify(input)),
  },
  {
    reason:
      "of Debian's interfaces both families count, and what is said of bonds, bridges, VLANs, MTU, routes and waking up",
    families: ["eni-network-interfaces"],
    applies: ({ input }) =>
      /inet6|bond|bridge|vlan|\bmtu\b|\bup |wol|hwaddr\b|dns-servers|^iface (\S+) [\s\S]*^iface \1 /m.test(
        String(input),
      ),
  },
];

/** Names, addresses, routes and name servers that were recorded are there, whatever else is. */
export function expectAtLeast(ours: Normalized, recorded: Normalized): void {
  for (const [name, one] of Object.entries(recorded.interfaces)) {
    const here = ours.interfaces[name] ?? {};
    expect(Object.keys(ours.interfaces)).toContain(name);
    for (const key of ["addresses", "gateways", "routes"])
      expect(here[key], `${name}: ${key}`).toEqual(expect.arrayContaining(one[key] as unknown[]));
    expectServers(here["dns"] as Servers, one["dns"] as Servers);
  }
  expect(ours.routes).toEqual(expect.arrayContaining([...recorded.routes]));
  expectServers(ours.dns, recorded.dns);
  expectServers(ours.effective, recorded.effective);
}

type Servers = Normalized["dns"] | JsonObject;

function expectServers(ours: Servers, recorded: Servers): void {
  for (const key of ["nameservers", "search"] as const)
    expect(ours[key]).toEqual(expect.arrayContaining([...(recorded[key] as readonly string[])]));
}
