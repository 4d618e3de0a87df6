import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { configDriveTree } from "../../../src/guest-config/formats/config-drive.ts";
import { nocloudFiles } from "../../../src/guest-config/formats/nocloud.ts";
import { tencentOsConf } from "../../../src/guest-config/formats/os-conf.ts";
import { encodeUtf8 } from "../../../src/guest-config/initializer/bytes.ts";
import type { Host } from "../../../src/guest-config/initializer/host.ts";
import { bootNetwork } from "../../../src/guest-config/sources/boot-network.ts";
import { configDrive } from "../../../src/guest-config/sources/config-drive.ts";
import { detect } from "../../../src/guest-config/sources/detect.ts";
import { openFat } from "../../../src/guest-config/sources/fat-reader.ts";
import type { FileReader } from "../../../src/guest-config/sources/file-reader.ts";
import { openIso } from "../../../src/guest-config/sources/iso-reader.ts";
import { parseNocloudLine } from "../../../src/guest-config/sources/nocloud-line.ts";
import { noCloud } from "../../../src/guest-config/sources/nocloud-source.ts";
import { noSigns, readSigns } from "../../../src/guest-config/sources/signs.ts";
import { readVolume } from "../../../src/guest-config/sources/volume-label.ts";
import { twoNics } from "../instance-configs.ts";
import { cd, fatDisk } from "./machine.ts";
import { memoryHost } from "./memory-host.ts";

const numRuns = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300);
const epochSeconds = 1_700_000_000;
const timeout = 60_000 + numRuns * 30;

/** Some bytes changed, a piece removed or doubled, the end cut off: what transport and bad generators do. */
const damage = fc.record({
  changes: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.nat(255)), {
    maxLength: 30,
  }),
  cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined, freq: 4 }),
  splice: fc.option(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(200), fc.boolean()), {
    nil: undefined,
  }),
});
type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never;

/** `from` leaves the beginning of a volume alone, or it would not be read at all. */
function damaged(
  good: Uint8Array,
  { changes, cut, splice }: Damage,
  keepsLength = false,
  ranges: readonly (readonly [number, number])[] = [[0, good.length]],
) {
  let bytes = good.slice();
  const total = ranges.reduce((sum, [start, end]) => sum + end - start, 0);
  for (const [where, value] of changes) {
    let at = Math.floor(where * total);
    for (const [start, end] of ranges) {
      if (at < end - start) {
        bytes[start + at] = value;
        break;
      }
      at -= end - start;
    }
  }
  if (splice !== undefined && !keepsLength) {
    const at = Math.floor(splice[0] * bytes.length);
    const piece = bytes.slice(at, at + splice[1]);
    bytes = Uint8Array.from([
      ...bytes.slice(0, at),
      ...(splice[2] ? [...piece, ...piece] : []),
      ...bytes.slice(at + splice[1]),
    ]);
  }
  return cut === undefined ? bytes : bytes.slice(0, Math.floor(cut * bytes.length));
}

/** Reads all that a source would, and a few levels of directories. Counts what is read: a loop would never end. */
function readEverything(files: FileReader | undefined, path = "", depth = 0): number {
  if (files === undefined || depth > 3) return 0;
  return files
    .list(path)
    .slice(0, 20)
    .reduce(
      (sum, name) =>
        sum +
        1 +
        (files.readBytes(`${path}/${name}`, 0, 1e7)?.length ?? 0) +
        readEverything(files, `${path}/${name}`, depth + 1),
      0,
    );
}

describe("damage to a volume ends in a result", () => {
  const tree = configDriveTree(twoNics, epochSeconds);
  const iso = cd("config-2", tree);
  // Descriptors, and from there to the end of the directories: where everything else is found by.
  const isoRanges = [
    [16 * 2048, 20 * 2048],
    [20 * 2048, Math.min(iso.length, 60 * 2048)],
  ] as const;

  test("ISO 9660", { timeout }, () => {
    fc.assert(
      fc.property(damage, (change) => {
        const bytes = damaged(iso, change, true, isoRanges);
        let reads = 0;
        const read = (at: number, length: number) => {
          reads++;
          return bytes.subarray(at, at + length);
        };
        readVolume(read);
        readEverything(openIso(read));
        expect(reads).toBeLessThan(20_000);
      }),
      { numRuns },
    );
  });

  test("FAT", { timeout }, async () => {
    const disk = await fatDisk("CONFIG-2", tree);
    const used = Math.min(disk.length, 128 << 10);
    fc.assert(
      fc.property(damage, (change) => {
        const bytes = damaged(disk, change, true, [
          [11, 64],
          [512, 4096],
          [0, used],
        ]);
        if (bytes.length >= 512) bytes.set([0x55, 0xaa], 510);
        let reads = 0;
        const read = (at: number, length: number) => {
          reads++;
          return bytes.subarray(at, at + length);
        };
        readVolume(read);
        readEverything(openFat(read));
        expect(reads).toBeLessThan(1_000_000);
      }),
      { numRuns },
    );
  });
});

describe("damage to files ends in a result or a problem", () => {
  const directory = "/var/lib/cloud/seed/config_drive";
  const drive = {
    "openstack/latest/meta_data.json": JSON.stringify({
      uuid: "i-1",
      hostname: "web.novalocal",
      public_keys: { a: "ssh-rsa A", b: ["ssh-rsa B"] },
      files: [{ path: "/etc/a", content_path: "/content/0000" }],
      random_seed: "AAAA",
      network_config: { content_path: "/content/0000" },
      meta: { dsmode: "net", cloudimg_user: "web", cloudimg_authorized_keys: '{"a":["ssh-rsa C"]}' },
    }),
    "openstack/latest/vendor_data.json": '{"cloud-init": ["#cloud-config\\n", "#!/bin/sh\\n"]}',
    "openstack/latest/vendor_data2.json": '"x"',
    "openstack/content/0000": "auto eth0\niface eth0 inet static\n  address 192.0.2.7/24\n",
    "ec2/latest/meta-data.json": '{"instance-id": "i-2", "placement": {"availability-zone": "z"}}',
    "qcloud_action/os.conf": tencentOsConf({ ...twoNics, passwordHash: "$6$a$b" }),
  };
  const values = fc.jsonValue();

  /** One file is damaged, another holds any JSON. */
  const changed = (files: Readonly<Record<string, string>>) => {
    const names = fc.constantFrom(...Object.keys(files));
    return fc
      .record({ name: names, damage, other: names, value: fc.option(values, { nil: undefined }) })
      .map((change) => ({
        ...files,
        ...(change.value === undefined ? {} : { [change.other]: JSON.stringify(change.value) }),
        [change.name]: damaged(encodeUtf8(files[change.name] ?? ""), change.damage),
      }));
  };
  const under = (root: string, files: Readonly<Record<string, string | Uint8Array>>) =>
    Object.fromEntries(Object.entries(files).map(([name, content]) => [`${root}/${name}`, content]));

  test("a config drive", { timeout }, () => {
    fc.assert(
      fc.property(changed(drive), (files) => {
        const found = configDrive.find(memoryHost(under(directory, files)), {
          ...noSigns,
          seeds: { configDrive: [directory], noCloud: [] },
        });
        if (found !== undefined) expect(found.instanceId !== undefined || found.problems.length > 0).toBe(true);
        expect(JSON.stringify(found?.metadata ?? {}).length).toBeLessThan(100_000);
      }),
      { numRuns },
    );
  });

  const line = fc.oneof(
    fc.string(),
    fc
      .array(
        fc.constantFrom(
          "ds=nocloud",
          ";",
          "s=",
          "h=x",
          "i=",
          "http://a/",
          "/seed",
          " ",
          "=",
          "ci.ds=",
          "__dmi.system-uuid__",
          "__proto__=",
          "dsmode=",
        ),
      )
      .map((words) => words.join("")),
  );

  test("a NoCloud seed and its lines", { timeout }, () => {
    const seed = { ...nocloudFiles(twoNics), "vendor-data": "#cloud-config\n" };
    const yaml = {
      ...seed,
      "meta-data": "instance-id: i\npublic-keys: [a, b]\nx: &a {y: *b, z: &b 1}\n",
      "network-config": "version: 2\nethernets:\n  e: {dhcp4: yes}\n",
    };
    const place = "/var/lib/cloud/seed/nocloud";
    fc.assert(
      fc.property(
        fc.oneof(changed(seed), changed(yaml)),
        fc.option(line, { nil: "" }),
        line,
        (files, commandLine, product_serial) => {
          const signs = {
            ...noSigns,
            commandLine,
            dmi: { product_serial },
            seeds: { configDrive: [], noCloud: [place] },
          };
          const found = noCloud.find(memoryHost(under(place, files)), signs);
          if (found !== undefined) expect(found.instanceId !== undefined || found.problems.length > 0).toBe(true);
        },
      ),
      { numRuns },
    );
  });

  test("lines, signs and settings", { timeout }, () => {
    const cloud = fc.oneof(
      fc.string(),
      fc.constantFrom(
        "datasource_list: [ NoCloud, None ]\n",
        "datasource:\n NoCloud:\n  seedfrom: http://a\n",
        "network: {config: disabled}\n",
        "network: [",
        "policy: search,found=first\n",
      ),
    );
    const texts = fc.record({
      "proc/cmdline": line,
      "etc/cloud/cloud.cfg": cloud,
      "etc/cloud/cloud.cfg.d/a.cfg": cloud,
      "etc/cloud/ds-identify.cfg": cloud,
      "sys/class/dmi/id/product_uuid": fc.string(),
      "sys/class/dmi/id/product_serial": line,
      "proc/1/environ": fc.string(),
    });
    fc.assert(
      fc.property(texts, fc.base64String(), (files, encoded) => {
        const host: Host = memoryHost(files);
        const signs = readSigns(host);
        expect(detect(signs).why).not.toBe("");
        parseNocloudLine(signs.commandLine);
        bootNetwork(host, { commandLine: `${signs.commandLine} network-config=${encoded}` });
      }),
      { numRuns },
    );
  });
});
