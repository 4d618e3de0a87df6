import { describe, expect, test } from "vitest";
import { nocloudTree } from "../../../src/guest-config/formats/nocloud.ts";
import { decodeUtf8 } from "../../../src/guest-config/initializer/bytes.ts";
import type { Host } from "../../../src/guest-config/initializer/host.ts";
import { remoteSeed } from "../../../src/guest-config/sources/nocloud.ts";
import { noCloud } from "../../../src/guest-config/sources/nocloud-source.ts";
import { readSigns } from "../../../src/guest-config/sources/signs.ts";
import { datasourceContract } from "../datasource-contract.ts";
import { twoNics } from "../instance-configs.ts";
import { cd, fatDisk, machine } from "./machine.ts";

const find = (host: Host) => noCloud.find(host, readSigns(host));
const seed = (files: Readonly<Record<string, string>>) => cd("cidata", { "user-data": "", ...files });

for (const kind of ["a CD", "a disk with FAT", "a directory"])
  describe(`on ${kind}`, async () => {
    const tree = nocloudTree(twoNics, 1_700_000_000);
    const bytes = kind === "a CD" ? cd("CIDATA", tree) : await fatDisk("CIDATA", tree);
    const onCd = readSigns(machine({ sr0: cd("x", tree) })).volumes[0]?.open();
    const files = Object.fromEntries(
      (onCd?.list("") ?? []).map((name) => [`var/lib/cloud/seed/nocloud/${name}`, onCd?.readBytes(name, 0, 1e6) ?? ""]),
    );
    datasourceContract(
      noCloud,
      () => ({
        with: () =>
          kind === "a directory" ? machine({}, files) : machine({ vda: new Uint8Array(1 << 16), vdb: bytes }),
        broken: () => machine({ sr0: seed({ "meta-data": "a: [" }) }),
        without: () => machine({ vda: new Uint8Array(1 << 16) }),
      }),
      twoNics,
    );
  });

describe("meta-data", () => {
  test("YAML, with numbers and dates that are names", () => {
    const text = "instance-id: 2026-01-31\nlocal-hostname: 42\npublic-keys:\n  - ssh-rsa A\n  - ssh-rsa B\n";
    expect(find(machine({ sr0: seed({ "meta-data": text }) }))).toMatchObject({
      instanceId: "2026-01-31",
      hostname: "42",
      publicKeys: ["ssh-rsa A", "ssh-rsa B"],
      problems: [],
    });
  });

  test.each([
    ["missing user-data", cd("cidata", { "meta-data": "instance-id: i-1" }), "user-data is missing", "i-1"],
    ["missing meta-data", cd("cidata", { "user-data": "x" }), "meta-data is missing", undefined],
    ["a list", seed({ "meta-data": "[1]" }), "meta-data is not a mapping", undefined],
    ["no YAML", seed({ "meta-data": "a: [" }), "meta-data is no YAML", undefined],
  ])("%s: broken, reported, the rest is used", (_, sr0, problem, instanceId) => {
    const found = find(machine({ sr0 }));
    expect(found).toMatchObject({ isBroken: true, problems: [expect.stringContaining(problem)] });
    expect(found?.instanceId).toBe(instanceId);
  });

  test("dsmode disabled: not used", () => {
    expect(find(machine({ sr0: seed({ "meta-data": "dsmode: disabled" }) }))).toBeUndefined();
  });

  test("the first good drive", () => {
    const host = machine({ sr0: cd("cidata", { "user-data": "" }), vdb: seed({ "meta-data": "instance-id: good" }) });
    expect(find(host)).toMatchObject({ instanceId: "good", place: "/dev/vdb" });
  });

  test("aliases that stand for more than there is memory", () => {
    const levels = Array.from(
      { length: 12 },
      (_, at) => `l${at + 1}: &l${at + 1} [${Array(10).fill(`*l${at}`).join(", ")}]`,
    );
    const text = `instance-id: i-1\nl0: &l0 x\n${levels.join("\n")}\npublic-keys: *l12\n`;
    const found = find(machine({ sr0: seed({ "meta-data": text }) }));
    expect(JSON.stringify(found?.metadata ?? {}).length).toBeLessThan(200_000);
  });
});

describe("network", () => {
  const macs = (host: Host) => find(host)?.network?.interfaces.map(({ name }) => name);

  test("network-config, bare or wrapped, goes before network-interfaces", () => {
    const meta = "instance-id: i-1\nnetwork-interfaces: |\n  auto eth7\n  iface eth7 inet dhcp\n";
    const config = "version: 2\nethernets:\n  eth0:\n    dhcp4: true\n";
    expect(macs(machine({ sr0: seed({ "meta-data": meta }) }))).toEqual(["eth7"]);
    expect(macs(machine({ sr0: seed({ "meta-data": meta, "network-config": config }) }))).toEqual(["eth0"]);
    const wrapped = `network:\n${config.replace(/^/gm, "  ")}`;
    expect(macs(machine({ sr0: seed({ "meta-data": "", "network-config": wrapped }) }))).toEqual(["eth0"]);
  });

  test("disabled; and one that is no YAML", () => {
    const at = (text: string) => find(machine({ sr0: seed({ "meta-data": "", "network-config": text }) }));
    expect(at("network: {config: disabled}\n")).toMatchObject({ isNetworkDisabled: true, problems: [] });
    expect(at("a: [")).toMatchObject({ instanceId: "nocloud", problems: [expect.stringContaining("network-config")] });
  });
});

describe("places that go before others", () => {
  const directory = (values: string, userData = "") => ({
    "var/lib/cloud/seed/nocloud/meta-data": values,
    "var/lib/cloud/seed/nocloud/user-data": userData,
  });

  test("serial number, command line, drive, directory", () => {
    const host = machine(
      { sr0: seed({ "meta-data": "instance-id: drive\nlocal-hostname: drive\na: drive\n", "user-data": "drive" }) },
      {
        ...directory("instance-id: dir\nlocal-hostname: dir\na: dir\nb: dir\n", "dir"),
        "sys/class/dmi/id/product_serial": "ds=nocloud;i=serial\n",
        "proc/cmdline": "ro ds=nocloud;i=line;h=line\n",
      },
    );
    const found = find(host);
    expect(found).toMatchObject({ instanceId: "serial", hostname: "line", metadata: { a: "drive", b: "dir" } });
    expect(found?.userData && decodeUtf8(found.userData)).toBe("drive");
  });

  test("seedfrom names a directory, whose user data win; meta-data before it stay", () => {
    const files = { "seed/meta-data": "instance-id: named\na: named\n", "seed/user-data": "named" };
    for (const place of ["/seed", "/seed/", "file:///seed"]) {
      const found = find(machine({}, { ...files, "proc/cmdline": `ds=nocloud;s=${place};i=line` }));
      expect(found).toMatchObject({ instanceId: "line", metadata: { a: "named" }, problems: [] });
      expect(found?.userData && decodeUtf8(found.userData)).toBe("named");
    }
    expect(find(machine({}, { "proc/cmdline": "ds=nocloud;s=/nowhere" }))).toMatchObject({ isBroken: true });
    expect(find(machine({}, { "proc/cmdline": "ds=nocloud;s=x" }))?.problems).toEqual([
      expect.stringContaining("seedfrom"),
    ]);
  });

  test("an URL is for later; the machine's own values are put in", () => {
    const dmi = { "sys/class/dmi/id/product_uuid": "u-1\n" };
    const line = "ds=nocloud;s=http://u:pw@192.0.2.1/__dmi.system-uuid__/__dmi.bios-version__";
    const host = machine({}, { ...dmi, "proc/cmdline": line });
    expect(find(host)).toBeUndefined();
    expect(remoteSeed(host, readSigns(host))?.url).toBe("http://u:pw@192.0.2.1/u-1/__dmi.bios-version__/");
  });

  test("an URL in a drive's meta-data: a part", () => {
    const host = machine({
      sr0: seed({ "meta-data": "instance-id: i-1\nseedfrom: https://u:S3CRET@192.0.2.1/a?x=\n" }),
    });
    const found = find(host);
    expect(found).toMatchObject({ instanceId: "i-1", asksOn: true });
    expect(JSON.stringify(found?.metadata)).not.toContain("S3CRET");
    expect(remoteSeed(host, readSigns(host))?.url).toBe("https://u:S3CRET@192.0.2.1/a?x=");
  });

  test("the image's own settings", () => {
    const cfg =
      "datasource:\n  NoCloud:\n    meta-data: |\n      instance-id: cfg\n    user-data: |\n      #cloud-config\n";
    const found = find(machine({}, { "etc/cloud/cloud.cfg.d/99-seed.cfg": cfg }));
    expect(found).toMatchObject({ instanceId: "cfg", place: "/etc/cloud", problems: [] });
    expect(found?.userData && decodeUtf8(found.userData)).toBe("#cloud-config\n");
  });
});
