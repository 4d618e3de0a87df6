import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { conformanceCases } from "./conformance.ts";
import { deviations } from "./deviations.ts";
import { deviationsPage } from "./deviations-page.ts";

const page = fileURLToPath(new URL("../../docs/deviations.md", import.meta.url));

test("docs/deviations.md says what the tests allow (vitest --update writes it)", async () => {
  await expect(deviationsPage()).toMatchFileSnapshot(page);
});

test("every deviation belongs to a case that was recorded", () => {
  const families = [
    ...["ds-identify", "eni-network-interfaces", "network-config-v1", "network-config-v2", "passwords", "vendor-data"],
    ...["openstack-network-data", "nocloud-seed-tree", "config-drive-tree", "users-groups", "user-data-parts"],
    ...["klibc-net-conf", "aliyun-imds", "kernel-cmdline-network-config", "nocloud-line-config", "hostname"],
    ...["dhcp-classless-routes", "ssh-public-keys", "authorized-keys", "write-files-encoding", "tencent-os-conf"],
    ...["write-files-permissions", "runcmd-shellify", "cloud-config-merge"],
  ];
  const names = new Set(families.flatMap((family) => conformanceCases(family).map(({ name }) => name)));
  // Without the folder there is nothing to compare with; in CI its absence is a failure of the suites themselves.
  const lost = names.size === 0 ? [] : Object.keys(deviations).filter((name) => !names.has(name));
  expect(lost).toEqual([]);
});
