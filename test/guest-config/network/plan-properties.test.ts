import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Nic } from "../../../src/guest-config/network/nics.ts";
import type { InterfaceState, NetworkState, RouteState, RuleState } from "../../../src/guest-config/network-state.ts";
import { oracle } from "../../oracles/tools.ts";
import { planNetwork } from "./plan-network.ts";

const numRuns = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300);
const mac = fc.integer({ min: 1, max: 6 }).map((number) => `52:54:00:00:00:0${number}`);
const evil = fc.constantFrom(
  "$(touch /evil)",
  "a b",
  "'",
  '"',
  "`x`",
  ";x",
  "eth0\nx",
  "-x",
  "",
  "..",
  "a/b",
  "%d",
  "*",
  "é",
);
const name = fc.oneof(
  fc.constantFrom("eth0", "eth1", "lan", "bond0", "br0", "cirename0"),
  evil,
  fc.string({ maxLength: 17 }),
);
const address = fc.constantFrom(
  "10.0.0.1/24",
  "192.0.2.7/32",
  "2001:db8::1/64",
  "fe80::9/128",
  "0.0.0.0/0",
  "nonsense",
);
const to = fc.constantFrom("0.0.0.0/0", "10.9.0.0/16", "::/0", "2001:db8:9::/48", "192.0.2.1/32");
const number = fc.option(fc.nat({ max: 2 ** 32 }), { nil: undefined });
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const route: fc.Arbitrary<RouteState> = fc.record({
  to,
  via: optional(fc.oneof(fc.constantFrom("10.0.0.254", "198.51.100.1", "2001:db8::ff", "fe80::1"), evil)),
  ...{ metric: number, table: number, mtu: number, inheritedMetric: number },
  ...{
    onLink: optional(fc.boolean()),
    type: optional(fc.oneof(fc.constantFrom("unicast", "blackhole", "local"), evil)),
  },
  ...{ scope: optional(evil), from: optional(fc.oneof(fc.constantFrom("10.0.0.1", "2001:db8::1"), evil)) },
});
const rule: fc.Arbitrary<RuleState> = fc.record({
  ...{
    from: optional(fc.oneof(address, evil)),
    to: optional(address),
    table: number,
    priority: number,
    mark: number,
    tos: number,
  },
});
const words = fc.dictionary(
  fc.oneof(fc.constantFrom("mode", "primary", "miimon", "arp_ip_target", "stp", "fd", "pathcost", "portprio"), evil),
  fc.oneof(evil, fc.constantFrom("802.3ad", "100", "eth0")),
  { maxKeys: 4 },
);
const indexes = fc.array(fc.nat({ max: 6 }), { maxLength: 3 });
const anyInterface: fc.Arbitrary<InterfaceState> = fc.record({
  kind: fc.constantFrom("physical", "infiniband", "loopback", "bond", "bridge", "vlan"),
  ...{
    id: optional(name),
    name: optional(name),
    mac: optional(fc.oneof(mac, evil)),
    setMac: optional(fc.oneof(mac, evil)),
  },
  match: optional(
    fc.record({
      names: optional(fc.array(fc.oneof(name, fc.constantFrom("eth*", "[e-", "***a*", "[!a]th?")))),
      drivers: optional(fc.array(name)),
    }),
  ),
  ...{ mtu: number, subnetMtu: number, subnetMtu6: number, dhcp4: fc.boolean(), slaac: fc.boolean() },
  ...{ dhcp6: optional(fc.constantFrom("stateful", "stateless")), acceptRa: optional(fc.boolean()) },
  dhcp4Overrides: optional(
    fc.dictionary(
      fc.constantFrom("route-metric", "use-dns", "hostname", "send-hostname"),
      fc.oneof(fc.anything(), evil),
    ),
  ),
  dhcp6Overrides: optional(fc.dictionary(fc.constantFrom("route-metric", "use-dns", "use-routes"), fc.anything())),
  ...{
    linkLocal: optional(fc.subarray([4, 6] as const)),
    addresses: fc.array(address, { maxLength: 3 }),
    routes: fc.array(route, { maxLength: 3 }),
  },
  ...{
    rules: optional(fc.array(rule, { maxLength: 2 })),
    nameservers: fc.array(evil, { maxLength: 2 }),
    search: fc.array(evil, { maxLength: 2 }),
  },
  ...{
    isOptional: optional(fc.boolean()),
    isManual: optional(fc.boolean()),
    wakeOnLan: optional(fc.boolean()),
    isPlaceholder: optional(fc.boolean()),
  },
  bond: optional(fc.record({ members: indexes, parameters: words })),
  bridge: optional(
    fc.record({
      ports: indexes,
      parameters: fc.oneof(words, fc.dictionary(fc.constantFrom("pathcost", "fd", "stp"), fc.anything())),
    }),
  ),
  vlan: optional(fc.record({ id: fc.nat({ max: 5000 }), parent: fc.nat({ max: 6 }) })),
});
const anyNetwork: fc.Arbitrary<NetworkState> = fc.record({
  interfaces: fc.array(anyInterface, { maxLength: 6 }),
  ...{ routes: optional(fc.array(route, { maxLength: 2 })), nameservers: fc.array(evil), search: fc.array(evil) },
});
const anyNics: fc.Arbitrary<Nic[]> = fc
  .array(mac, { maxLength: 4 })
  .map((macs) =>
    macs.map((one, index) => ({ name: `eth${index}`, mac: one, isUp: false, hasCarrier: false, driver: "virtio_net" })),
  );

describe("plans of any network", () => {
  test("are made, are the same each time, and have no word for the shell that is not quoted", () => {
    fc.assert(
      fc.property(anyNetwork, anyNics, (network, nics) => {
        const plan = planNetwork(network, nics, true);
        expect(planNetwork(network, nics, true)).toEqual(plan);
        for (const { shell, undo = "" } of [...plan.steps, ...plan.late])
          for (const line of [shell, undo]) expect(bareText(line)).toMatch(/^[\w\s@%+=:,./$"|{}()[\]&;<>!-]*$/);
        // A name in a path of /sys or /proc cannot lead out of it.
        for (const one of plan.interfaces) expect(one.name).toMatch(/^(?!\.\.?$)[^/\s:%]{1,15}$/);
      }),
      { numRuns },
    );
  });

  test("run nothing but ip and what we name, says the shell that the guest has", async () => {
    const [program = "", ...first] = await oracle("busybox");
    const plans = fc.sample(fc.tuple(anyNetwork, anyNics), { numRuns: 60, seed: 11 });
    const steps = plans.flatMap(([network, nics]) => {
      const plan = planNetwork(network, nics, true);
      return [...plan.steps, ...plan.late];
    });
    expect(steps.length).toBeGreaterThan(200);
    // Everything that would be started says its name; nothing can be written, since the shell may not open files.
    const stubs = ["ip", "modprobe", "ethtool", "setmac", "up", "put", "try", "heed", "ignore", "module"];
    const prelude = `set -f; PATH=/nowhere; ${stubs.map((stub) => `${stub}() { echo "${stub}"; }`).join("; ")}; among() { return 0; }\n`;
    const script =
      prelude +
      steps.map(({ shell }) => `{ ${shell}; }`.replace(/>\s*\/sys[^;}\s]*|>'[^']*'/g, ">/dev/null")).join("\n");
    const { stdout, stderr } = spawnSync(program, [...first, "sh", "-c", script], { encoding: "utf8" });
    const ran = new Set(
      stdout.split("\n").filter((line) => !/^(failed \d+|[+-].*|this image has no ethtool|)$/.test(line)),
    );
    expect([...ran].filter((line) => !stubs.includes(line))).toEqual([]);
    expect(stderr.split("\n").filter((line) => /syntax|unterminated|not found/.test(line))).toEqual([]);
  });

  test("every card ends under the name that it is to have, and no two ever have the same", () => {
    fc.assert(
      fc.property(anyNetwork, anyNics, (network, nics) => {
        const plan = planNetwork(network, nics, true);
        const cards = new Map(nics.map(({ name: one }) => [one, one]));
        for (const { key = "" } of plan.steps) {
          const [, from = "", into = ""] = /^rename (\S+) (\S+)$/.exec(key) ?? [];
          if (from === "") continue;
          expect([cards.has(from), cards.has(into)]).toEqual([true, false]);
          cards.set(into, cards.get(from) ?? "");
          cards.delete(from);
        }
        for (const { name: one, currentName = "" } of plan.interfaces)
          if (nics.some((nic) => nic.name === currentName)) expect(cards.get(one)).toBe(currentName);
      }),
      { numRuns },
    );
  });
});

test("thousands of interfaces, addresses and routes are planned in a moment", () => {
  const bare = { dhcp4: false, slaac: false, nameservers: [], search: [] };
  const vlan = (index: number): InterfaceState => ({
    ...{ ...bare, kind: "vlan", vlan: { id: index % 4096, parent: index % 7 === 0 ? 0 : index + 1 }, mtu: 9000 },
    ...{
      addresses: [`10.${index >> 8}.${index & 255}.1/24`],
      routes: [{ to: "0.0.0.0/0", via: `10.${index >> 8}.${index & 255}.254` }],
    },
  });
  const card: InterfaceState = { ...bare, kind: "physical", name: "eth0", addresses: [], routes: [] };
  const interfaces = [card, ...Array.from({ length: 3000 }, (_, index) => vlan(index + 1))];
  const startMs = performance.now();
  const nics = [{ name: "eth0", mac: "52:54:00:00:00:01", isUp: false, hasCarrier: false }];
  const plan = planNetwork({ interfaces, nameservers: [], search: [] }, nics, true);
  expect(plan.steps.length).toBeGreaterThan(3000);
  expect(performance.now() - startMs).toBeLessThan(2000);
});

/** What of a line is outside of single quotes, where the shell looks for more than letters. */
function bareText(line: string): string {
  return line.replace(/'[^']*'|\\'/g, "");
}
