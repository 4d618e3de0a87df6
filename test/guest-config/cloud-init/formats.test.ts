import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readAll } from "../../../src/core/byte-source.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { configDriveTree } from "../../../src/guest-config/formats/config-drive.ts";
import type { InstanceConfig } from "../../../src/guest-config/model.ts";
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
