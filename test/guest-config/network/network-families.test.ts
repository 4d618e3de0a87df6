import { gunzipSync } from "node:zlib";
import { expect } from "vitest";
import type { JsonObject } from "../../../src/guest-config/initializer/json-values.ts";
import { kernelNetworkConfig } from "../../../src/guest-config/network/kernel-network.ts";
import { parseYaml } from "../../../src/guest-config/parts/yaml.ts";
import { conformanceSuite } from "../conformance.ts";
import { conformanceResult } from "../conformance-functions.ts";
import { deviations } from "../deviations.ts";
import { expectAtLeast, improvements } from "./improvements.ts";
import { type Normalized, recordedNormalized } from "./normalized.ts";

const families = [
  "network-config-v1",
  "network-config-v2",
  "openstack-network-data",
  "klibc-net-conf",
  "eni-network-interfaces",
  "aliyun-imds",
] as const;

for (const family of families)
  conformanceSuite(family, (recordedCase) => {
    const { name, input, env, expected_normalized, expected_error } = recordedCase;
    const { value, problems } = conformanceResult(family, input, env ?? {});
    const deviation = deviations[name]?.expected;
    const isImproved = improvements.some(
      ({ families: some, applies }) => some.includes(family) && applies(recordedCase),
    );
    if (expected_error !== undefined && !isImproved) expect(problems).not.toEqual([]);
    if (expected_normalized === undefined) return;
    if (family === "network-config-v1" || family === "openstack-network-data") {
      const order = (result: object) =>
        Object.keys(result).filter((key) => JSON.stringify(input).includes(`"name":"${key}"`));
      expect(order((value as Normalized).interfaces)).toEqual(order((expected_normalized as Normalized).interfaces));
    }
    const recorded = recordedNormalized(expected_normalized as JsonObject);
    if (deviation === undefined && isImproved) return expectAtLeast(value as Normalized, recorded);
    expect(value).toEqual(deviation === undefined ? recorded : merge(recorded, deviation));
    // It is no deviation if it makes no difference.
    if (deviation !== undefined) expect(value).not.toEqual(recorded);
  });

conformanceSuite("kernel-cmdline-network-config", ({ input, expected }) => {
  const found = kernelNetworkConfig(String(input));
  // The guest has a program for it.
  const isPacked = found !== undefined && "gzip" in found;
  const value = isPacked
    ? parseYaml(gunzipSync(found.gzip).toString())
    : conformanceResult("kernel-cmdline-network-config", input, {}).value;
  expect(value).toEqual(expected);
});

conformanceSuite("dhcp-classless-routes", ({ input, expected }) => {
  expect(conformanceResult("dhcp-classless-routes", input, {}).value).toEqual(expected);
});

/** What a deviation expects in place of what was recorded: objects are merged, null takes away. */
function merge(recorded: unknown, change: unknown): unknown {
  if (typeof change !== "object" || change === null || Array.isArray(change)) return change;
  const merged: Record<string, unknown> = { ...(recorded as object) };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key] ?? {}, value);
  }
  return merged;
}
