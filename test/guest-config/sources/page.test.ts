import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { playedCloudNames } from "../../../src/commands/run.ts";
import { formats } from "../../../src/guest-config/formats/formats.ts";
import { metadataClouds } from "../../../src/guest-config/formats/metadata-tree.ts";
import { localSources } from "../../../src/guest-config/sources/local-sources.ts";
import { networkSources } from "../../../src/guest-config/sources/network-sources.ts";

const page = readFileSync(new URL("../../../docs/instance-configuration.md", import.meta.url), "utf8");

test("docs/instance-configuration.md lists the sources, in the order in which they are asked", () => {
  const names = [...page.matchAll(/^\| [^|]*\(`([\w-]+)`[;)]/gm)].map(([, name]) => name);
  expect(names).toEqual([...localSources, ...networkSources].map(({ name }) => name).concat("none"));
});

test("it lists the formats, with their labels", () => {
  const rows = [...page.matchAll(/^\| `([\w-]+)`(?: \(default\))? \|.*\| (?:`([\w-]+)` )?\|$/gm)];
  expect(rows.map(([, name, label]) => [name, label])).toEqual(formats.map(({ name, label }) => [name, label]));
});

test("it names whom the metadata service and a machine can play", () => {
  for (const name of [...metadataClouds, ...playedCloudNames]) expect(page).toContain(`\`${name}\``);
});
