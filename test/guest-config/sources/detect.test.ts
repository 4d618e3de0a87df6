import { describe, expect, test } from "vitest";
import { detect } from "../../../src/guest-config/sources/detect.ts";
import { type MachineSigns, noSigns, readSigns } from "../../../src/guest-config/sources/signs.ts";
import type { FoundVolume } from "../../../src/guest-config/sources/volumes.ts";
import { conformanceSuite } from "../conformance.ts";
import { conformanceResult } from "../conformance-functions.ts";
import { deviations } from "../deviations.ts";
import { memoryHost } from "./memory-host.ts";
import { textFiles } from "./text-files.ts";

/** Those of cloud-init's sources that we have. */
const ours = ["ConfigDrive", "NoCloud", "AliYun", "Ec2", "OpenStack"];

conformanceSuite("ds-identify", ({ name, input, expected, relevant_to_cloudimg }) => {
  const { value } = conformanceResult("ds-identify", input, {});
  const { exit_code, datasource_list } = expected as { exit_code: number; datasource_list: string[] | null };
  const recorded = ours
    .filter((source) => datasource_list?.some((other) => other.toLowerCase() === source.toLowerCase()))
    .sort();
  const deviation = deviations[name]?.expected;
  if (deviation !== undefined) {
    expect(value).not.toEqual(recorded);
    return expect({ datasource_list: value }).toEqual(deviation);
  }
  expect(value).toEqual(recorded);
  if (relevant_to_cloudimg === true) expect(recorded.length > 0 ? 0 : 1).toBe(exit_code);
});

const volume = (device: string, ...labels: string[]): FoundVolume => ({
  device,
  fileSystem: "iso9660",
  labels,
  isPartition: false,
  open: () => undefined,
});
const look = (signs: Partial<MachineSigns>) => {
  const { isDisabled, local, network, fallback } = detect({ ...noSigns, ...signs });
  return { isDisabled, local, network, fallback };
};
const nothing = { isDisabled: false, local: [], network: [], fallback: [] };

describe("who decides", () => {
  const drive = [volume("/dev/sr0", "config-2")];

  test.each([
    ["ds=nocloud", ["NoCloud"], []],
    ["quiet ds=nocloud;s=http://192.0.2.1/ ro", ["NoCloud"], ["NoCloud"]],
    ["ci.ds=NoCloud;h=x", ["NoCloud"], []],
    ["ci.datasource=openstack", [], ["OpenStack"]],
    ["ds=nocloud-net;seedfrom=https://192.0.2.1/", ["NoCloud"], ["NoCloud"]],
    ["ds=TencentCloud", [], ["TencentCloud"]],
    ["ds=Azure", [], []],
    ["ds=None", [], []],
    ["ds=OpenStack ds=ConfigDrive", ["ConfigDrive"], []],
  ])("the command line %s goes before a drive", (commandLine, local, network) => {
    expect(look({ commandLine, volumes: drive })).toEqual({ ...nothing, local, network });
  });

  test.each(["xds=nocloud", "datasource=nocloud", "ds=", "ds=;x"])(
    "the command line %s says nothing",
    (commandLine) => {
      expect(look({ commandLine })).toEqual(nothing);
    },
  );

  test("cloud-init=disabled and the file of that name; the command line can revoke the file", () => {
    const off = { ...nothing, isDisabled: true };
    const settings = { isDisabled: true };
    expect(look({ commandLine: "ro cloud-init=disabled", volumes: drive })).toEqual(off);
    expect(look({ settings, volumes: drive })).toEqual(off);
    expect(look({ commandLine: "cloud-init=enabled", settings, volumes: drive })).toMatchObject({
      local: ["ConfigDrive"],
    });
  });

  test("drives before directories of HTTP; OpenStack's service only if the drive is no good", () => {
    const volumes = [volume("/dev/sr0", "CIDATA"), volume("/dev/vdb", "Config-2")];
    expect(look({ volumes, dmi: { product_name: "OpenStack Nova" } })).toEqual({
      ...nothing,
      local: ["ConfigDrive", "NoCloud"],
      fallback: ["OpenStack"],
    });
    expect(look({ dmi: { chassis_asset_tag: "HUAWEICLOUD" } })).toMatchObject({ network: ["OpenStack"] });
  });

  test("Tencent's machines: the drive, otherwise the service; under the old name too", () => {
    for (const dmi of [
      { sys_vendor: "Tencent Cloud", product_name: "CVM" },
      { sys_vendor: "Smdbmds", product_name: "KVM" },
    ]) {
      expect(look({ dmi })).toEqual({ ...nothing, network: ["TencentCloud"] });
      expect(look({ dmi, volumes: drive })).toEqual({ ...nothing, local: ["ConfigDrive"], fallback: ["TencentCloud"] });
    }
  });

  test("a CD without a label that holds os.conf is Tencent's; a partition is not looked into", () => {
    const files = textFiles({ "qcloud_action/os.conf": "hostname=a\n" });
    const cd = { ...volume("/dev/sr0", "CDROM"), open: () => files };
    expect(look({ volumes: [cd] })).toMatchObject({ local: ["ConfigDrive"] });
    expect(look({ volumes: [{ ...cd, isPartition: true }] })).toEqual(nothing);
  });

  test("Alibaba's file is looked for where its DMI is, or the file", () => {
    const both = { ...nothing, local: ["AliYun"], network: ["AliYun"] };
    expect(look({ dmi: { product_name: "Alibaba Cloud ECS" } })).toEqual(both);
    const seeds = { ...noSigns.seeds, aliyunImage: "/aliyun_custom_image/os.conf" };
    expect(look({ seeds })).toEqual({ ...both, network: [] });
  });

  test("a list of sources has its order and leaves out the others", () => {
    const dmi = { product_name: "Alibaba Cloud ECS", product_uuid: "ec2aaaaa" };
    const settings = { isDisabled: false, datasourceList: ["Ec2", "AliYun", "None"] };
    expect(look({ settings, dmi, volumes: drive })).toEqual({
      ...nothing,
      local: ["AliYun"],
      network: ["Ec2", "AliYun"],
    });
  });

  test("Tencent's service is in the list, or not asked", () => {
    const dmi = { sys_vendor: "Tencent Cloud" };
    const at = (...datasourceList: string[]) => look({ settings: { isDisabled: false, datasourceList }, dmi });
    expect(at("ConfigDrive", "NoCloud")).toEqual(nothing);
    expect(at("ConfigDrive", "TencentCloud")).toEqual({ ...nothing, network: ["TencentCloud"] });
  });

  test("a UUID that QEMU has made by chance is not Amazon's", () => {
    const product_uuid = "ec2aaaaa-54be-4843-8d24-8c819f88453e";
    expect(look({ dmi: { product_uuid } })).toMatchObject({ network: ["Ec2"] });
    expect(look({ dmi: { product_uuid, sys_vendor: "QEMU" } })).toEqual(nothing);
  });

  test("a machine without DMI and without a sign is not asked about", () => {
    expect(look({})).toEqual(nothing);
    expect(look({ dmi: { sys_vendor: "QEMU", product_name: "Standard PC (Q35 + ICH9, 2009)" } })).toEqual(nothing);
  });
});

describe("signs of a machine", () => {
  const machine = (files: Readonly<Record<string, string>>) => readSigns(memoryHost(files));

  test("an empty one", () => {
    const { dmi, ...signs } = machine({});
    expect(Object.values(dmi).filter((value) => value !== undefined)).toEqual([]);
    expect(signs).toMatchObject({ commandLine: "", volumes: [], seeds: { configDrive: [], noCloud: [] } });
  });

  test("of OpenStack's containers, of Xen, and of directories", () => {
    const signs = machine({
      "proc/1/environ": "PATH=/bin\0product_name=OpenStack Nova\0TERM=linux",
      "sys/hypervisor/uuid": "ec2aaaaa\n",
      "config-drive/openstack/2018-08-27/meta_data.json": "{}",
      "var/lib/cloud/seed/nocloud-net/meta-data": "",
      "var/lib/cloud/seed/nocloud-net/user-data": "",
      "var/lib/cloud/seed/nocloud/meta-data": "",
      "aliyun_custom_image/os.conf": "",
    });
    expect(signs).toMatchObject({
      initProduct: "OpenStack Nova",
      hypervisorUuid: "ec2aaaaa",
      seeds: {
        configDrive: ["/config-drive"],
        noCloud: ["/var/lib/cloud/seed/nocloud-net"],
        aliyunImage: "/aliyun_custom_image/os.conf",
      },
    });
  });

  test("devices that are no drives, cannot be read, or are hundreds cost little", () => {
    const devices = Array.from({ length: 300 }, (_, index) => [`sys/class/block/vd${index}/size`, "1"]);
    const startedMs = performance.now();
    expect(machine(Object.fromEntries(devices)).volumes).toEqual([]);
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });
});
