import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleForQuickjs } from "../../src/guest-config/bundle.ts";
import { startVirtualNetwork, type VirtualNetwork } from "../../src/machine/network/virtual-network.ts";
import { type BuiltForBoot, buildForBoot, withGuest } from "./boot.ts";
import {
  cardsOf,
  compared,
  dhcpCases,
  expectedOf,
  type NetworkCase,
  readShown,
  type Shown,
  stacked,
  staticCases,
  withoutLease,
} from "./network-cases.ts";
import { liveMac, liveOptions, liveScenarios, type Scenario, scenarios, serverScript } from "./network-scenarios.ts";

const namespaceScript = fileURLToPath(new URL("network-namespace.sh", import.meta.url));
const program = fileURLToPath(new URL("../guest-config/network/apply-document.ts", import.meta.url));
const inGuest = "/usr/lib/network-cases";
const fixed = staticCases();
const dynamic = dhcpCases();

function asScenario(one: NetworkCase, hasServer: boolean): Scenario {
  const cards = [...cardsOf(one)].map(([name, mac]) => [name, mac ?? "-"] as const);
  return { cards, hasServer, documents: [one.input, one.input], want: [] };
}
const everything = Object.entries({
  ...Object.fromEntries(fixed.map((one) => [one.name, asScenario(one, false)])),
  ...Object.fromEntries(dynamic.map((one) => [one.name, asScenario(one, true)])),
  ...scenarios,
  ...liveScenarios,
});

/** One machine for all: each document has a namespace of its own with cards of its MAC addresses, and the initializer's own code obeys it there. */
describe("network documents in a guest", { timeout: 400_000 }, () => {
  let built: BuiltForBoot;
  let directory: string;
  let network: VirtualNetwork;
  const shown = new Map<string, Shown[]>();

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "cloudimg-network-"));
    writeFileSync(join(directory, "apply.js"), await bundleForQuickjs(program));
    copyFileSync(namespaceScript, join(directory, "run.sh"));
    for (const [index, [, { cards = [], documents, before }]] of everything.entries()) {
      const path = join(directory, String(index));
      mkdirSync(path);
      writeFileSync(join(path, "cards"), cards.map(([name, mac]) => `${name} ${mac}\n`).join(""));
      if (before !== undefined) writeFileSync(join(path, "before"), `${before}\n`);
      for (const [round, document] of documents.entries())
        writeFileSync(join(path, `${round + 1}.json`), JSON.stringify(document));
    }
    built = await buildForBoot(`
extends: cloudimg:base
image: { name: network-cases }
kernel: { modules: [veth] }
overlays: [{ source: ${directory}, target: ${inGuest} }]
services: { http: { enabled: false } }
`);
    network = await startVirtualNetwork(liveOptions, new AbortController().signal);
    const plugged = await network.plug(liveMac);
    await withGuest(
      built,
      async ({ run, machine }) => {
        await machine.addNic(plugged);
        await run(serverScript);
        const ask = ([, { hasServer }]: (typeof everything)[number], index: number) =>
          `echo "#### ${index}"; sh ${inGuest}/run.sh ${inGuest}/${index} ${hasServer === true ? "$(cat /run/server/pid)" : "-"} 2>&1`;
        const commands = everything.map(ask);
        for (let first = 0; first < commands.length; first += 10) {
          const output = await run(commands.slice(first, first + 10).join("\n"));
          for (const part of output.split(/^#### /m).slice(1)) {
            const [name = ""] = everything[Number.parseInt(part, 10)] ?? [];
            shown.set(
              name,
              part
                .split(/^==== .*\n/m)
                .slice(1)
                .map(readShown),
            );
          }
        }
      },
      { machine: { spareNicSlots: 1 } },
    );
  }, 400_000);
  afterAll(async () => {
    await network?.close();
    built?.remove();
    rmSync(directory, { recursive: true, force: true });
  });
  const twice = (name: string): [Shown, Shown] => {
    const [first, second] = shown.get(name) ?? [];
    if (first === undefined || second === undefined) throw new Error("the guest has shown nothing");
    return [first, second];
  };

  const isThere = fixed.length > 0 || process.env["CI"] === "true";
  describe.skipIf(!isThere)("recorded", () => {
    test("there are cases", () => {
      expect(fixed.length).toBeGreaterThan(25);
      expect(dynamic.length).toBeGreaterThan(10);
    });

    test.each(fixed.map((one) => [one.name, one] as const))("%s", (name, one) => {
      const [first, second] = twice(name);
      const expected = expectedOf(one);
      expect(compared(first, expected)).toEqual(expected);
      for (const [seen, wanted] of stacked(first, one)) expect(seen).toEqual(wanted);
      // A second time changes nothing and finds nothing to complain of.
      expect({ ...second, result: first.result }).toEqual(first);
      expect(first.result.problems).toEqual(knownProblems[name] ?? []);
    });

    test.each(dynamic.map((one) => [one.name, one] as const))("with a DHCP server: %s", (name, one) => {
      const [first, second] = twice(name);
      const expected = expectedOf(one);
      const { rest, leased } = withoutLease(first);
      expect(compared(rest, expected)).toEqual(expected);
      const asking = Object.entries(one.expected_normalized.interfaces).filter(([, { dhcp4 }]) => dhcp4);
      expect([...leased].sort()).toEqual(asking.map(([card]) => card).sort());
      expect({ ...second, result: first.result }).toEqual(first);
      expect(first.result.problems).toEqual([]);
    });
  });

  test.each(Object.entries({ ...scenarios, ...liveScenarios }))("%s", (name, { want }) => {
    const seen = shown.get(name) ?? [];
    expect(seen).toHaveLength(want.length);
    for (const [index, { problems, said, links, ...exact }] of want.entries()) {
      const { result, links: shownLinks, ...one } = seen[index] as Shown;
      if (problems !== undefined) expect(result.problems).toEqual(problems);
      if (said !== undefined) expect(result.said).toEqual(said);
      if (links !== undefined) expect(shownLinks).toMatchObject(links);
      expect({ ...one, ...sorted(exact) }).toEqual(one);
    }
  });
});

/** As addresses and routes are shown. */
function sorted({ addresses, routes, ...rest }: Partial<Shown>): Partial<Shown> {
  const list = Object.entries(addresses ?? {}).map(([name, some]) => [name, [...some].sort()]);
  return {
    ...rest,
    ...(addresses === undefined ? {} : { addresses: Object.fromEntries(list) }),
    ...(routes === undefined ? {} : { routes: [...routes].sort() }),
  };
}

/** Documents that cannot be obeyed whole. */
const knownProblems: Readonly<Record<string, readonly unknown[]>> = {
  // The only gateway of the global route is its own destination.
  "doc-network-config-v1-route": [expect.stringContaining("cannot route 192.168.24.0/24 via 192.168.24.1 metric 3")],
};
