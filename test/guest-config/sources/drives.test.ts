import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { configDriveTree } from "../../../src/guest-config/formats/config-drive.ts";
import { tencentOsConf } from "../../../src/guest-config/formats/os-conf.ts";
import { decodeUtf8 } from "../../../src/guest-config/initializer/bytes.ts";
import type { Host } from "../../../src/guest-config/initializer/host.ts";
import { configDrive } from "../../../src/guest-config/sources/config-drive.ts";
import { readOpenstackTree } from "../../../src/guest-config/sources/openstack-tree.ts";
import { readSigns } from "../../../src/guest-config/sources/signs.ts";
import { datasourceContract } from "../datasource-contract.ts";
import { twoNics } from "../instance-configs.ts";
import { cd, fatDisk, machine } from "./machine.ts";
import { textFiles } from "./text-files.ts";

const find = (host: Host) => configDrive.find(host, readSigns(host));
const meta = (more: object = {}) => JSON.stringify({ uuid: "i-1", hostname: "web.novalocal", ...more });
const drive = (files: Readonly<Record<string, string>>) => cd("config-2", files);
const tree = (files: Readonly<Record<string, string | Uint8Array>>) => {
  const found = readOpenstackTree(textFiles(files), "test");
  if (typeof found === "string") throw new Error(found);
  return found;
};
const latest = "openstack/latest";
const fatDrive = await fatDisk("CONFIG-2", configDriveTree(twoNics, 1_700_000_000));

describe("on a disk with FAT", () => {
  datasourceContract(
    configDrive,
    () => ({
      with: () => machine({ vda: new Uint8Array(1 << 16), vdb: fatDrive }),
      broken: () => machine({ vdb: fatDrive.slice(0, 20_000) }),
      without: () => machine({ vda: new Uint8Array(1 << 16) }),
    }),
    twoNics,
  );
});

describe("what a drive says", () => {
  test("keys without a user, name without OpenStack's own domain", () => {
    const found = tree({ [`${latest}/meta_data.json`]: meta({ public_keys: { a: "ssh-rsa A\n", b: "ssh-rsa B" } }) });
    expect(found).toMatchObject({
      instanceId: "i-1",
      hostname: "web",
      publicKeys: ["ssh-rsa A", "ssh-rsa B"],
      authorizedKeys: {},
    });
  });

  test("user data are bytes: gzip stays what it is", () => {
    const packed = new Uint8Array(gzipSync("#cloud-config\n"));
    expect(tree({ [`${latest}/meta_data.json`]: meta(), [`${latest}/user_data`]: packed }).userData).toEqual(packed);
  });

  test("files are found by their content's path; a missing one is reported, the others written", () => {
    const files = [
      { path: "/etc/a", content_path: "/content/0000" },
      { path: "/etc/b", content_path: "/content/0001" },
      { path: "etc/c", content_path: "/content/0000" },
      "x",
    ];
    const found = tree({ [`${latest}/meta_data.json`]: meta({ files }), "openstack/content/0000": "hello" });
    expect(found.files?.map(({ path, content }) => [path, decodeUtf8(content)])).toEqual([["/etc/a", "hello"]]);
    expect(found.problems).toHaveLength(3);
    expect(found.isBroken).toBe(false);
  });

  test("Debian's interfaces, only where there is no network_data.json", () => {
    const files = {
      "config-drive/openstack/latest/meta_data.json": meta({ network_config: { content_path: "/content/0007" } }),
      "config-drive/openstack/content/0007": "auto eth3\niface eth3 inet dhcp\n",
    };
    const names = (host: Host) => find(host)?.network?.interfaces.map(({ name }) => name);
    expect(names(machine({}, files))).toEqual(["eth3"]);
    const data = { links: [{ id: "a", name: "eth4", ethernet_mac_address: "52:54:00:00:00:09" }], networks: [] };
    expect(
      names(machine({}, { ...files, "config-drive/openstack/latest/network_data.json": JSON.stringify(data) })),
    ).toEqual(["eth4"]);
    const missing = find(
      machine(
        {},
        {
          ...files,
          "config-drive/openstack/content/0007": "",
          "config-drive/openstack/latest/meta_data.json": meta({ network_config: { content_path: "/content/8" } }),
        },
      ),
    );
    expect(missing?.problems).toEqual(["network_config is missing: openstack/content/8"]);
  });

  test("vendor data in both files, in order", () => {
    const found = tree({
      [`${latest}/meta_data.json`]: meta(),
      [`${latest}/vendor_data.json`]: '{"cloud-init": ["#cloud-config\\na: 1\\n", "#!/bin/sh\\n"], "x": 1}',
      [`${latest}/vendor_data2.json`]: '"#cloud-config\\nb: 1\\n"',
    });
    expect(found.vendorData?.map(decodeUtf8)).toEqual([
      "#cloud-config\na: 1\n",
      "#!/bin/sh\n",
      "#cloud-config\nb: 1\n",
    ]);
  });

  test("secrets are not among the metadata", () => {
    const secrets = {
      admin_pass: "S3CRET",
      random_seed: "UzNDUkVU",
      meta: { admin_pass: "S3CRET", role: "web", password: "S3CRET" },
    };
    const found = tree({
      [`${latest}/meta_data.json`]: meta(secrets),
      "ec2/latest/meta-data.json": '{"instance-id": "i-2", "user-data": "S3CRET"}',
    });
    expect(found.randomSeed).toBe("UzNDUkVU");
    expect(found.metadata).toMatchObject({ uuid: "i-1", meta: { role: "web" }, ec2: { "instance-id": "i-2" } });
    expect(JSON.stringify(found.metadata)).not.toMatch(/S3CRET|UzNDUkVU/);
  });

  test("what is no JSON is not quoted: it may hold a password", () => {
    const found = tree({ [`${latest}/meta_data.json`]: '{"admin_pass": S3CRET}' });
    expect(found.problems).toEqual(["meta_data.json is not JSON"]);
  });

  test("a file of 100 MB is not read, and told of", () => {
    const big = { ...textFiles({ [`${latest}/meta_data.json`]: meta(), [`${latest}/user_data`]: "" }) };
    const found = readOpenstackTree({ ...big, readBytes: () => undefined }, "test");
    expect(found).toMatchObject({ instanceId: "i-1", problems: ["user_data cannot be read"] });
    const host = machine(
      {},
      {
        "config-drive/openstack/latest/meta_data.json": meta(),
        "config-drive/openstack/latest/user_data": new Uint8Array(5 << 20),
      },
    );
    expect(find(host)).toMatchObject({
      place: "/config-drive",
      instanceId: "i-1",
      problems: ["user_data cannot be read"],
    });
  });
});

describe("which drive", () => {
  const good = drive({ [`${latest}/meta_data.json`]: meta() });
  const broken = drive({
    [`${latest}/meta_data.json`]: meta({ uuid: "i-broken" }),
    [`${latest}/network_data.json`]: "{",
  });

  test("a broken one only if there is no other; its good parts are used then", () => {
    expect(find(machine({ sr0: broken, vdb: good }))).toMatchObject({
      place: "/dev/vdb",
      instanceId: "i-1",
      problems: [expect.stringContaining("/dev/sr0: network_data.json is not JSON")],
    });
    expect(find(machine({ sr0: broken }))).toMatchObject({ instanceId: "i-broken", isBroken: true });
    const worse = drive({ "openstack/latest/user_data": "x" });
    expect(find(machine({ sr0: worse, vdb: broken }))).toMatchObject({ instanceId: "i-broken", isBroken: true });
  });

  test("the last disk, CDs first", () => {
    expect(find(machine({ vdb: good, vdc: good, sr0: good }))?.place).toBe("/dev/sr0");
    expect(find(machine({ vdb: good, vdc: good }))?.place).toBe("/dev/vdc");
  });

  test("a directory goes before drives", () => {
    const seed = { "var/lib/cloud/seed/config_drive/openstack/latest/meta_data.json": meta({ uuid: "i-seed" }) };
    expect(find(machine({ sr0: good }, seed))).toMatchObject({ instanceId: "i-seed" });
  });

  test("dsmode: disabled is passed over, pass asks on, others change nothing", () => {
    const mode = (dsmode: string) => drive({ [`${latest}/meta_data.json`]: meta({ meta: { dsmode } }) });
    expect(find(machine({ sr0: mode("disabled") }))).toBeUndefined();
    expect(find(machine({ sr0: mode("disabled"), vdb: good }))?.place).toBe("/dev/vdb");
    expect(find(machine({ sr0: mode("pass") }))).toMatchObject({ asksOn: true });
    expect(find(machine({ sr0: mode("local") }))?.asksOn).toBeUndefined();
  });
});

describe("Tencent's os.conf", () => {
  const hash = "$6$abc$def=x";
  const osConf = tencentOsConf({ ...twoNics, passwordHash: hash });
  const told = { hostname: "web-1.example.org", passwordHashes: { root: hash } };

  test.each(["qcloud_action", "os_action"])("alone, in %s, on a CD with any label: a part", (name) => {
    for (const label of ["config-2", "CDROM"]) {
      const found = find(machine({ sr0: cd(label, { [`${name}/os.conf`]: osConf }) }));
      expect(found).toMatchObject({ ...told, place: "/dev/sr0", asksOn: true, problems: [] });
      expect(found?.network?.interfaces.map(({ mac }) => mac)).toEqual(["52:54:00:00:00:01", "52:54:00:00:00:02"]);
    }
  });

  test("beside OpenStack's documents: these go first, the network only if it is not empty", () => {
    const network = { links: [{ id: "a", type: "phy", ethernet_mac_address: "52:54:00:00:00:09" }], networks: [] };
    const at = (networkData: object | string) =>
      find(
        machine({
          sr0: drive({
            [`${latest}/meta_data.json`]: meta(),
            [`${latest}/network_data.json`]:
              typeof networkData === "string" ? networkData : JSON.stringify(networkData),
            "qcloud_action/os.conf": osConf,
          }),
        }),
      );
    expect(at(network)).toMatchObject({ instanceId: "i-1", hostname: "web", passwordHashes: told.passwordHashes });
    expect(at(network)?.network?.interfaces).toHaveLength(1);
    expect(at({})?.network?.interfaces).toHaveLength(2);
    expect(at({})?.asksOn).toBeUndefined();
    const damaged = at("{");
    expect(damaged?.network?.interfaces).toHaveLength(2);
    expect(damaged).toMatchObject({ isBroken: false, problems: [expect.stringContaining("network_data.json")] });
  });
});
