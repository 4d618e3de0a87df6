import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readPartitionTable } from "../../../src/build/partitions/registry.ts";
import type { JsonObject } from "../../../src/guest-config/initializer/json-values.ts";
import { diskSetup } from "../../../src/guest-config/user-data/disk-setup.ts";
import { runOracle } from "../../oracles/run.ts";
import { builtDisk, GiB, MiB } from "./built-disk.ts";
import { fakeGuest, type GuestOptions, superblock } from "./fake-guest.ts";
import { someTask } from "./some-task.ts";
import { type SparseDisk, sparseDisk } from "./sparse-disk.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-disk-setup-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function setUp(disk: SparseDisk, config: JsonObject, options: GuestOptions = {}) {
  const mkfs = { mke2fs: 0, mkdosfs: 0, mkswap: 0, "mkfs.ext4": 0, "mkfs.xfs": 0 };
  const guest = fakeGuest(disk, { diskName: "vdb", mounts: [], programs: mkfs, ...options });
  const { task, problems } = someTask(guest.host);
  const said = diskSetup.run(config, task);
  // Having the table read again changes nothing, and tells whether the disk is used.
  const started = guest.started.filter((line) => line !== "sh -c blockdev --rereadpt /dev/vdb");
  return { ...guest, started, said, problems };
}

function partitionsOf(disk: SparseDisk) {
  return readPartitionTable(disk)?.partitions.map(({ startBytes, sizeBytes, kind }) => [
    startBytes / MiB,
    sizeBytes / MiB,
    kind,
  ]);
}

describe("disk_setup", () => {
  test.each(["mbr", "gpt"] as const)(
    "%s: one partition, and parts of the disk, as other programs read them",
    async (kind) => {
      const rest = kind === "gpt" ? 1 : 0;
      const one = sparseDisk(GiB);
      const wish = { table_type: kind, layout: true };
      expect(setUp(one, { disk_setup: { "/dev/vdb": wish } })).toMatchObject({
        said: `vdb ${kind} of 1`,
        problems: [],
      });
      expect(partitionsOf(one)).toEqual([[1, 1023 - rest, "linux"]]);
      const three = sparseDisk(GiB);
      const parts = { table_type: kind, layout: [25, [25, 82], "50"] };
      expect(setUp(three, { disk_setup: { vdb: parts } })).toMatchObject({ said: `vdb ${kind} of 3`, problems: [] });
      expect(partitionsOf(three)).toEqual([
        [1, 256, "linux"],
        [257, 256, "swap"],
        [513, 511 - rest, "linux"],
      ]);
      for (const [name, disk] of Object.entries({ one, three })) {
        const path = join(directory, `${kind}-${name}.raw`);
        disk.save(path);
        const verify = await runOracle("sfdisk", ["--verify", path]);
        expect(verify.status, verify.output).toBe(0);
        if (kind === "gpt") expect((await runOracle("sgdisk", ["-v", path])).output).toContain("No problems found");
      }
      // The next instance finds what it wants.
      expect(setUp(three, { disk_setup: { vdb: parts } })).toMatchObject({ said: undefined, problems: [] });
    },
  );

  test("a disk that holds something stays as it is, unless it may be overwritten", () => {
    const holders = {
      "a file system": () => {
        const disk = sparseDisk(GiB);
        disk.write(1024, superblock(GiB));
        return disk;
      },
      partitions: () => builtDisk("mbr", GiB),
      "a GPT": () => builtDisk("gpt", GiB),
      data: () => {
        const disk = sparseDisk(GiB);
        disk.write(512 * 77, new Uint8Array(512).fill(9));
        return disk;
      },
    };
    for (const make of Object.values(holders)) {
      const disk = make();
      const kept = setUp(disk, { disk_setup: { vdb: { layout: true } } });
      expect(kept.problems).toHaveLength(1);
      expect(kept.problems[0]).toMatch(/^disk_setup of vdb: it holds .*overwrite is not true: it stays as it is$/);
      expect(kept.writes()).toBe(0);
      expect(setUp(disk, { disk_setup: { vdb: { layout: true, overwrite: true } } })).toMatchObject({
        said: "vdb mbr of 1",
        problems: [],
      });
      expect(partitionsOf(disk)).toEqual([[1, 1023, "linux"]]);
    }
  });

  test("what is mounted or swapped to is never touched", () => {
    const wish = {
      disk_setup: { vdb: { layout: [50, 50], overwrite: true } },
      fs_setup: [{ device: "vdb1", filesystem: "ext4", overwrite: true }],
    };
    const mounted = setUp(builtDisk("mbr", GiB), wish, { mounts: ["21 1 %p1 / / rw - ext4 /dev/root rw"] });
    const swapped = setUp(builtDisk("mbr", GiB), wish, {
      files: { "/proc/swaps": "Filename Type\n/dev/vdb1 partition 1 0 -2\n" },
    });
    for (const { problems, writes, started } of [mounted, swapped]) {
      expect(problems).toEqual([
        "disk_setup of vdb: it is in use: it stays as it is",
        "fs_setup of vdb1: it is in use: it stays as it is",
      ]);
      expect({ writes: writes(), started }).toEqual({ writes: 0, started: [] });
    }
  });

  test("what an initrd has mounted out of sight is not touched either", () => {
    const { problems, writes, started } = setUp(
      builtDisk("mbr", GiB),
      {
        disk_setup: { vdb: { layout: true, overwrite: true } },
        fs_setup: [{ device: "vdb1", filesystem: "vfat", overwrite: true }],
      },
      {
        programs: { blockdev: 1 },
        files: { "/run/cloudimg/in-use.log": "blockdev: ioctl 0x125f failed: Device or resource busy\n" },
      },
    );
    expect(problems).toHaveLength(2);
    expect(problems.join()).toMatch(/^(.*it is in use: it stays as it is){2}$/);
    expect({ writes: writes(), started }).toEqual({ writes: 0, started: [] });
  });

  test("removes a table, and knows aliases; names of the cloud's that are not there are passed over", () => {
    const disk = builtDisk("gpt", GiB);
    const config = {
      device_aliases: { data: "/dev/vdb" },
      disk_setup: { data: { layout: "remove", overwrite: true }, ephemeral0: { layout: true } },
    };
    expect(setUp(disk, config)).toMatchObject({ said: "vdb without a table", problems: [] });
    expect(readPartitionTable(disk)).toBeUndefined();
  });

  test.each<[unknown, RegExp]>([
    [{ table_type: "bsd", layout: true }, /table_type/],
    [{ layout: "yes" }, /layout is neither/],
    [{ layout: [] }, /layout is neither/],
    [{ layout: [50, 60] }, /more than the disk/],
    [{ layout: [20, 20, 20, 20, 20] }, /no more than 4/],
    [{ layout: [[50, "5"]] }, /no partition type/],
    [{ layout: [[50, "linux"]] }, /no partition type/],
    [{ layout: [-1] }, /no percentage/],
    [{ layout: [{}] }, /no percentage/],
    [{ layout: [0.01], table_type: "gpt" }, /too small/],
    [{ layout: true, overwrite: "maybe" }, /overwrite/],
    ["all", /no mapping/],
  ])("%j is reported, and nothing written", (wish, reason) => {
    const { problems, writes } = setUp(sparseDisk(GiB), { disk_setup: { vdb: wish } });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(reason);
    expect(writes()).toBe(0);
  });
});

describe("fs_setup", () => {
  const make = (disk: SparseDisk, wish: JsonObject, options: GuestOptions = {}) =>
    setUp(disk, { fs_setup: [wish] }, options);

  test("formats what is blank: a disk, a partition by number, the first free one", () => {
    const whole = make(sparseDisk(GiB), { device: "/dev/vdb", filesystem: "vfat", label: "DATA" });
    expect(whole).toMatchObject({ said: "vdb vfat DATA", problems: [], started: ["mkdosfs -n DATA /dev/vdb"] });
    const second = make(builtDisk("mbr", GiB), { device: "vdb", partition: 2, filesystem: "swap" });
    expect(second).toMatchObject({ said: "vdb2 swap", started: ["mkswap /dev/vdb2"] });
    const free = make(builtDisk("mbr", GiB), { device: "vdb", partition: "auto", filesystem: "swap", label: "s" });
    expect(free).toMatchObject({ said: "vdb2 swap s", started: ["mkswap -L s /dev/vdb2"] });
  });

  test("ext4 without its program becomes ext2, and says so", () => {
    const { said, problems, started } = make(sparseDisk(GiB), { device: "vdb", label: "data" });
    expect({ said, started }).toEqual({ said: "vdb ext2 data", started: ["mke2fs -F -L data /dev/vdb"] });
    expect(problems).toEqual([
      "fs_setup of vdb: vdb gets ext2 instead of ext4, without a journal: this image has no mkfs.ext4",
    ]);
  });

  test("what holds something stays as it is, unless it may be replaced", () => {
    const wish = { device: "vdb", partition: "1", filesystem: "vfat" };
    const kept = make(builtDisk("mbr", GiB), wish);
    expect(kept.problems).toEqual([
      "fs_setup of vdb: vdb1 holds the file system ext, and overwrite is not true: it stays as it is",
    ]);
    expect(kept.started).toEqual([]);
    expect(make(builtDisk("mbr", GiB), { ...wish, overwrite: true }).started).toEqual(["mkdosfs /dev/vdb1"]);
    expect(make(builtDisk("mbr", GiB), { ...wish, replace_fs: "ext4" }).started).toEqual(["mkdosfs /dev/vdb1"]);
    expect(make(builtDisk("mbr", GiB), { ...wish, replace_fs: "ntfs" }).started).toEqual([]);
    expect(make(builtDisk("mbr", GiB), { device: "vdb", filesystem: "vfat" }).problems[0]).toContain("partition table");
  });

  test("the same file system with the same label is kept", () => {
    const wish = { device: "vdb", partition: 1, filesystem: "ext4" };
    expect(make(builtDisk("mbr", GiB), wish)).toMatchObject({ said: undefined, problems: [], started: [] });
    expect(make(builtDisk("mbr", GiB), { ...wish, label: "other" }).problems).toHaveLength(1);
    expect(make(builtDisk("mbr", GiB), { ...wish, partition: "any", label: "other" })).toMatchObject({
      said: undefined,
      problems: [],
    });
  });

  test("a command of the user's own", () => {
    const text = make(sparseDisk(GiB), {
      device: "vdb",
      filesystem: "xfs",
      label: "a; rm",
      cmd: "mkfs.xfs -L %(label)s %(device)s",
    });
    expect(text.started).toEqual(["sh -c mkfs.xfs -L 'a; rm' /dev/vdb"]);
    const list = make(sparseDisk(GiB), { device: "vdb", filesystem: "xfs", cmd: ["mkfs.xfs", "%(device)s"] });
    expect(list.started).toEqual(["mkfs.xfs /dev/vdb"]);
  });

  test.each<[unknown, RegExp]>([
    [{ filesystem: "ext4" }, /without a device/],
    [7, /without a device/],
    [{ device: "vdc" }, /no such device/],
    [{ device: "vdb", filesystem: "; reboot" }, /no file system/],
    [{ device: "vdb", filesystem: "zfs" }, /cannot make zfs/],
    [{ device: "vdb", partition: "first" }, /partition is neither/],
    [{ device: "vdb", partition: 3 }, /no partition 3/],
    [{ device: "vdb", overwrite: "yes" }, /overwrite is neither/],
    [{ device: "vdb", label: "-L" }, /label/],
  ])("%j is reported, and nothing formatted", (wish, reason) => {
    const { problems, started, writes } = setUp(sparseDisk(GiB), { fs_setup: [wish] });
    expect(problems.join("\n")).toMatch(reason);
    expect({ started, writes: writes() }).toEqual({ started: [], writes: 0 });
  });
});

test("whatever is asked for, a disk that holds data is only touched if overwrite is true", () => {
  const word = fc.constantFrom<unknown>(
    "auto",
    "any",
    "none",
    1,
    2,
    "1",
    true,
    false,
    "remove",
    [50, 50],
    [100],
    null,
    "ext4",
    "vfat",
    "swap",
    "mbr",
    "gpt",
    "vdb",
    "vdb1",
    {},
    "x",
  );
  const keys = ["table_type", "layout", "device", "partition", "filesystem", "label", "replace_fs", "extra_opts"];
  const wish = fc.dictionary(fc.constantFrom(...keys), word).map((entries): JsonObject => ({ ...entries }));
  fc.assert(
    fc.property(wish, wish, fc.oneof(word, fc.constant(undefined)), (disk, fs, overwrite) => {
      const { replace_fs: _, ...plain } = fs;
      const more = overwrite === true ? {} : { overwrite };
      const result = setUp(
        builtDisk("mbr", GiB, [
          { number: 1, startBytes: MiB, sizeBytes: 90 * MiB, kind: "linux", bootable: false, name: "root" },
        ]),
        {
          disk_setup: { vdb: { ...disk, ...more } },
          fs_setup: [{ device: "vdb", ...plain, ...more }, plain, fs["device"]],
        },
      );
      expect(result.writes()).toBe(0);
      expect(result.started).toEqual([]);
    }),
    { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300) },
  );
}, 300_000);
