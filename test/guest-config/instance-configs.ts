import fc from "fast-check";
import { formatIp, formatPrefix, networkOf } from "../../src/guest-config/ip.ts";
import type { InstanceConfig, InterfaceConfig } from "../../src/guest-config/model.ts";

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICORRMOCw1shrA/RJB8AI5+qPlNzBFW14iT/Modc6mSg";

function nic(mac: string, rest: Partial<InterfaceConfig>): InterfaceConfig {
  return { mac, dhcp4: false, addresses: [], routes: [], nameservers: [], search: [], ...rest };
}

/** DHCP on the first card; addresses, routes and DNS on the second. */
export const twoNics: InstanceConfig = {
  instanceId: "i-0001",
  hostname: "web-1.example.org",
  authorizedKeys: { root: [`${key} root@x`], web: [`${key} web@x`, 'from="192.0.2.0/24" ssh-rsa AAAAB3NzaC1yc2E= y'] },
  network: {
    interfaces: [
      nic("52:54:00:00:00:01", { dhcp4: true }),
      nic("52:54:00:00:00:02", {
        mtu: 1400,
        addresses: ["192.0.2.7/24", "198.51.100.9/32", "2001:db8::7/64"],
        routes: [
          { to: "203.0.113.0/24", via: "192.0.2.1", metric: 50 },
          { to: "0.0.0.0/0", via: "192.0.2.1", metric: 200 },
          { to: "::/0", via: "2001:db8::1" },
        ],
        nameservers: ["192.0.2.53"],
        search: ["example.org"],
      }),
    ],
    nameservers: [],
    search: [],
  },
  userData: "#!/bin/sh\necho größe\n",
};

const byte = fc.nat(255);
const address4 = fc.tuple(byte, byte, byte, byte).map((bytes) => ({ family: 4 as const, bytes }));
const address6 = fc.array(byte, { minLength: 16, maxLength: 16 }).map((bytes) => ({ family: 6 as const, bytes }));
const address = fc.oneof(address4, address6);
const prefix = address.chain((ip) => fc.nat(ip.family === 4 ? 32 : 128).map((length) => ({ address: ip, length })));
const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const line = word.map((comment) => `${key} ${comment}`);
const names = fc.uniqueArray(address.map(formatIp), { maxLength: 3 });
const route = prefix.chain((to) =>
  fc.record({
    to: fc.constant(formatPrefix(networkOf(to))),
    via: fc.option(to.address.family === 4 ? address4.map(formatIp) : address6.map(formatIp), { nil: undefined }),
    metric: fc.option(fc.nat(1000), { nil: undefined }),
  }),
);

/** Any configuration that the model can say. */
export const anyInstanceConfig: fc.Arbitrary<InstanceConfig> = fc.record({
  instanceId: fc.uuid(),
  hostname: fc.array(word, { minLength: 1, maxLength: 3 }).map((labels) => labels.join(".")),
  authorizedKeys: fc.dictionary(word, fc.uniqueArray(line, { minLength: 1, maxLength: 3 }), { maxKeys: 3 }),
  defaultUser: fc.option(word, { nil: undefined }),
  network: fc.record({
    interfaces: fc.uniqueArray(
      fc.record({
        mac: fc
          .array(byte, { minLength: 6, maxLength: 6 })
          .map((bytes) => bytes.map((b) => b.toString(16).padStart(2, "0")).join(":")),
        dhcp4: fc.boolean(),
        mtu: fc.option(fc.integer({ min: 68, max: 9000 }), { nil: undefined }),
        addresses: fc.uniqueArray(prefix.map(formatPrefix), { maxLength: 3 }),
        routes: fc.array(route, { maxLength: 3 }),
        nameservers: names,
        search: fc.uniqueArray(word, { maxLength: 2 }),
      }),
      { minLength: 1, maxLength: 3, selector: ({ mac }) => mac },
    ),
    nameservers: names,
    search: fc.uniqueArray(word, { maxLength: 2 }),
  }),
  userData: fc.option(fc.string({ unit: "grapheme" }), { nil: undefined }),
});
