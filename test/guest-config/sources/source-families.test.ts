import { expect } from "vitest";
import { asArray, asObject, type JsonObject } from "../../../src/guest-config/initializer/json-values.ts";
import { parseInterfaces } from "../../../src/guest-config/network/interfaces-file.ts";
import { parseNetworkConfig } from "../../../src/guest-config/network/network-config.ts";
import { parseNetworkData } from "../../../src/guest-config/network/openstack-network.ts";
import type { ConformanceCase } from "../conformance.ts";
import { conformanceSuite } from "../conformance.ts";
import { conformanceResult } from "../conformance-functions.ts";
import { deviations } from "../deviations.ts";

conformanceSuite("nocloud-line-config", ({ input, expected }) => {
  expect(conformanceResult("nocloud-line-config", input, {}).value).toEqual(expected);
});

conformanceSuite("ssh-public-keys", ({ input, expected }) => {
  expect(conformanceResult("ssh-public-keys", input, {}).value).toEqual(lines(expected));
});

conformanceSuite("vendor-data", ({ name, input, expected, expected_error }) => {
  const { value, problems } = conformanceResult("vendor-data", input, {});
  if (deviations[name] !== undefined) return expect({ value, problems }).toEqual(deviations[name].expected);
  if (expected_error !== undefined) return expect(problems).not.toEqual([]);
  const recorded = expected === null ? [] : asArray(typeof expected === "string" ? [expected] : expected);
  const texts = recorded.filter((item) => typeof item === "string");
  expect(value).toEqual(texts);
  // What is no text would end cloud-init; we report it.
  expect(problems).toHaveLength(recorded.length - texts.length);
});

conformanceSuite("config-drive-tree", ({ name, input, expected, expected_error }: ConformanceCase) => {
  const { value, problems } = conformanceResult("config-drive-tree", input, {});
  const recorded = asObject(expected) ?? {};
  if (expected_error !== undefined) return expect(problems).not.toEqual([]);
  // The format of 2012: recognised, and told that it is not supported.
  if (recorded["version"] === 1)
    return expect({ name, problems }).toEqual({ name, problems: [expect.stringContaining("2012")] });
  expect(problems).toEqual([]);
  const vendorData = [recorded["vendordata"], recorded["vendordata2"]].flatMap((item) => item ?? []);
  const { networkdata: networkData = null, network_config_eni: interfaces = null } = recorded;
  const network =
    networkData !== null
      ? parseNetworkData(networkData)
      : interfaces !== null
        ? parseInterfaces(String(interfaces))
        : undefined;
  expect(value).toEqual({
    instance_id: recorded["instance_id"],
    local_hostname: String(recorded["local_hostname"] ?? "").replace(/\.novalocal$/, "") || null,
    userdata: recorded["userdata"],
    vendordata: vendorData,
    network: network?.network ?? null,
    files: recorded["files"],
    dsmode: recorded["dsmode"],
    ec2_metadata: recorded["ec2_metadata"],
    public_keys: lines(recorded["public_keys"]),
    availability_zone: (recorded["metadata"] as JsonObject)["availability_zone"] ?? null,
  });
});

conformanceSuite("nocloud-seed-tree", ({ input, env, expected }) => {
  const { value, problems } = conformanceResult("nocloud-seed-tree", input, env ?? {});
  const recorded = asObject(expected) ?? {};
  if (recorded["claimed"] === false) return expect(value).toEqual({ claimed: false });
  const { network_config, public_keys, ...rest } = recorded;
  const network = network_config === null ? null : (parseNetworkConfig(network_config).network ?? null);
  expect(value).toEqual({ ...rest, network, public_keys: lines(public_keys) });
  expect(problems).toEqual([]);
});

/** Keys without the line ends that cloud-init leaves. */
function lines(keys: unknown): string[] {
  return asArray(keys)
    .map((key) => String(key).trim())
    .filter((key) => key !== "");
}
