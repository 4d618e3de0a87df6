import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadProfile } from "../../src/profile/load.ts";
import type { CloudName } from "../../src/providers/cloud.ts";
import {
  cloudConfiguration,
  cloudFirmware,
  configurationProblems,
  uploadFormat,
} from "../../src/providers/cloud-configuration.ts";
import { temporaryDirectory } from "../cli/cloudimg.ts";

const place = { region: "cn-hangzhou", bucket: "images" };

async function load(yaml: string) {
  const path = join(temporaryDirectory(), "web.yaml");
  writeFileSync(path, yaml.startsWith("image:") ? yaml : `image:\n  name: web\n${yaml}`);
  return await loadProfile(path, { environment: {} });
}

async function problems(yaml: string, name: CloudName = "huawei", bucket = "images") {
  return configurationProblems(await load(yaml), { name, title: "Huawei Cloud", bucket });
}

test("what a profile does not say has safe values", async () => {
  const { profile } = await load("");
  expect(cloudConfiguration("alibaba", profile, place)).toEqual({
    ...{ region: "cn-hangzhou", bucket: "images", account: "images" },
    ...{ architecture: "amd64", firmware: "bios", hasNvme: false, description: "" },
    ...{ copyTo: [], shareWith: [], family: undefined, deprecateOld: false, keepNewest: undefined },
    ...{ keepObject: false, keepFailed: false },
    machine: {
      ...{ cpus: 1, memoryBytes: 512 * 1024 ** 2, diskSizeBytes: 0, isSpot: false, lifetimeMs: 3_600_000 },
      openPorts: [22, 80],
    },
  });
});

test("what it says is taken, each cloud's own", async () => {
  const { profile } = await load(`
kernel:
  initrdModules: [nvme]
instance:
  cpus: 2
  memory: 2GiB
  diskSize: 40GiB
services:
  ssh: { port: 2200 }
  http: { port: 8080 }
smoke:
  http:
    - tls: true
provider:
  name: [alibaba, huawei]
  alibaba:
    copyTo: [cn-shanghai, cn-hangzhou, cn-shanghai]
    shareWith: ["1234"]
    instanceTypes: [ecs.g8i.large]
  huawei:
    shareWith: [other]
publish:
  family: web
  deprecateOld: true
  keepNewest: 3
  keepObject: true
  keepFailed: true
  spot: true
  lifetime: 2h
  description: ours
`);
  const configuration = cloudConfiguration("alibaba", profile, place);
  expect(configuration).toMatchObject({
    ...{ hasNvme: true, description: "ours", copyTo: ["cn-shanghai"], shareWith: ["1234"], family: "web" },
    ...{ deprecateOld: true, keepNewest: 3, keepObject: true, keepFailed: true },
    machine: {
      ...{ cpus: 2, memoryBytes: 2 * 1024 ** 3, diskSizeBytes: 40 * 1024 ** 3, isSpot: true, lifetimeMs: 7_200_000 },
      ...{ openPorts: [443, 2200, 8080], instanceTypes: ["ecs.g8i.large"] },
    },
  });
  expect(cloudConfiguration("huawei", profile, place)).toMatchObject({ shareWith: ["other"], copyTo: [] });
});

test.each([
  ["tencent", "", "raw"],
  ["tencent", "output: { formats: [qcow2] }", "raw"],
  ["tencent", "output: { formats: [qcow2], compress: false }", "qcow2"],
  ["tencent", "output: { formats: [vmdk, vhd] }", "vhd"],
  ["alibaba", "", "qcow2"],
  ["alibaba", "output: { formats: [vmdk] }", "qcow2"],
  ["alibaba", "output: { formats: [vhd, raw] }", "raw"],
  ["alibaba", "output: { compression: zstd }", "raw"],
  ["huawei", "", "qcow2"],
  ["huawei", "output: { formats: [vdi] }", "vdi"],
  ["huawei", "output: { formats: [vmdk-flat] }", "qcow2"],
] as const)("%s, %s: %s is uploaded", async (name, yaml, expected) => {
  expect(uploadFormat(name, (await load(yaml)).profile)).toBe(expected);
});

test.each([
  ["", "bios"],
  ["disk: { partitionTable: efi }", "uefi"],
  ["image: { name: web, arch: arm64 }", "uefi"],
  ["instance: { firmware: uefi }", "uefi"],
  ["instance: { firmware: uefi-secure }", "uefi"],
  ["disk: { partitionTable: legacy }", "bios"],
] as const)("%s boots by %s", async (yaml, expected) => {
  expect(cloudFirmware((await load(yaml)).profile)).toBe(expected);
});

test("a bucket that is missing is told where it belongs", async () => {
  expect(await problems("provider:\n  huawei:\n    region: cn-north-4\n", "huawei", "")).toMatchObject([
    {
      code: "profile/invalid",
      message: "cannot publish to Huawei Cloud: no bucket is named for the image file",
      where: { line: 4, column: 3 },
      hint: expect.stringContaining("  huawei:\n    bucket: NAME"),
    },
  ]);
  const [problem] = await problems("", "huawei", "");
  expect(problem?.where?.file).toMatch(/web\.yaml$/);
});

test("what no cloud can boot is told with its place, all at once", async () => {
  const found = await problems("image:\n  name: web\n  arch: riscv64\n", "huawei", "");
  expect(found.map(({ message, where }) => [message, where?.line])).toEqual([
    [expect.stringContaining("bucket"), undefined],
    ["cannot publish to Huawei Cloud: it has no riscv64 machines", 3],
  ]);
});
