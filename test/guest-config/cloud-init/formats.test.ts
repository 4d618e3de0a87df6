import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readAll } from "../../../src/core/byte-source.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { configDriveTree } from "../../../src/guest-config/formats/config-drive.ts";
import { nocloudTree } from "../../../src/guest-config/formats/nocloud.ts";
import type { InstanceConfig, InterfaceConfig } from "../../../src/guest-config/model.ts";
import { askCloudInit } from "../../oracles/cloud-init.ts";
import { anyInstanceConfig, twoNics } from "../instance-configs.ts";
import { type Meaning, meaningOf, wantedMeaning } from "./meaning.ts";

// What we generate is read by the real cloud-init, and means the same to it.

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-oracle-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function unpack(tree: Tree, name: string): string {
  const root = join(directory, name);
  for (const [path, node] of tree.entries())
    if (node.type === "file") {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), readAll(node.content));
    }
  return root;
}

const macsOf = ({ network }: InstanceConfig) =>
  Object.fromEntries(network.interfaces.map(({ mac }, index) => [mac, `eth${index}`]));

const configs = [twoNics, ...fc.sample(anyInstanceConfig, { numRuns: 60, seed: 4 })];

test("config drives", async () => {
  const answers = await askCloudInit<Meaning>(
    configs.map((config, index) => ({
      ask: "config-drive",
      directory: unpack(configDriveTree(config, 0), `drive-${index}`),
      macs: macsOf(config),
    })),
  );
  for (const [index, { answer, error }] of answers.entries()) {
    expect(error).toBeUndefined();
    expect(answer && meaningOf(answer)).toEqual(wantedMeaning(configs[index] as InstanceConfig));
  }
});

/** cloud-init drops the routes of a card that has no address and asks for none: nothing could be sent over it. */
function withoutIdleRoutes({ network, ...rest }: InstanceConfig): InstanceConfig {
  const isIdle = ({ dhcp4, addresses }: InterfaceConfig) => !dhcp4 && addresses.length === 0;
  const interfaces = network.interfaces.map((nic) => (isIdle(nic) ? { ...nic, routes: [] } : nic));
  return { ...rest, network: { ...network, interfaces } };
}

test("NoCloud seeds, which mean the same to it", async () => {
  const answers = await askCloudInit<Meaning & { vendorData: string | null; problems: string[] }>(
    configs.map((config, index) => ({
      ask: "nocloud",
      directory: unpack(nocloudTree({ ...config, vendorData: `#!/bin/sh\necho ${index}\n` }, 0), `seed-${index}`),
      macs: macsOf(config),
    })),
  );
  for (const [index, { answer, error }] of answers.entries()) {
    expect(error).toBeUndefined();
    // Netplan's words, without which netplan refuses a gateway outside the subnet, or none: cloud-init hands them on, and its schema only warns.
    expect(answer?.problems.filter((text) => !/\('(on-link|scope)' was unexpected\)$/.test(text))).toEqual([]);
    expect(answer?.vendorData).toBe(`#!/bin/sh\necho ${index}\n`);
    expect(answer && meaningOf(answer)).toEqual(wantedMeaning(withoutIdleRoutes(configs[index] as InstanceConfig)));
  }
});
