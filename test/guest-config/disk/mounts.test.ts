import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytesOf, suggested } from "../../../src/guest-config/disk/swap.ts";
import type { Attributes, Host } from "../../../src/guest-config/initializer/host.ts";
import type { JsonObject } from "../../../src/guest-config/initializer/json-values.ts";
import { mounts } from "../../../src/guest-config/user-data/mounts.ts";
import { GiB, MiB } from "./built-disk.ts";
import { fakeGuest } from "./fake-guest.ts";
import { someTask } from "./some-task.ts";
import { sparseDisk } from "./sparse-disk.ts";

const fstab = "# device\tdirectory\ttype\toptions\tdump\tpass\nUUID=1\t/\text4\tdefaults\t0\t0\n";

/** A guest with a blank disk vdb and a fstab, and 1 GiB of memory. */
function apply(
  config: JsonObject,
  changes: { fstab?: string; files?: Record<string, string>; freeKiB?: number; status?: number } = {},
) {
  const files: Record<string, string> = {
    "/etc/fstab": changes.fstab ?? fstab,
    "/proc/meminfo": "MemTotal:        1048576 kB\n",
    "/proc/swaps": "Filename\n",
    "/run/cloudimg/swap.log": `Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/root 1 1 ${changes.freeKiB ?? 8 * 1024 ** 2} 1% /\n`,
    ...changes.files,
  };
  const { host, started } = fakeGuest(sparseDisk(GiB), { diskName: "vdb", mounts: [] });
  const made: string[] = [];
  const guest: Host = {
    ...host,
    readText: (path) => files[path] ?? host.readText(path),
    readBytes: (path, at, count) =>
      files[path] === undefined
        ? host.readBytes(path, at, count)
        : new Uint8Array(Buffer.from(files[path])).slice(at, at + count),
    writeFile(path, content) {
      files[path] = String(content);
    },
    attributes: (path): Attributes | undefined =>
      files[path] === undefined ? undefined : { kind: "file", mode: 0o644, uid: 0, gid: 0, sizeBytes: 0 },
    makeDirectory: (path) => void made.push(path),
    remove: (path) => void delete files[path],
    start(command) {
      host.start(command);
      return { poll: () => changes.status ?? 0, kill() {} };
    },
  };
  const { task, problems } = someTask(guest);
  const said = mounts.run(config, task);
  return {
    said,
    problems,
    started,
    made,
    lines: (files["/etc/fstab"] ?? "")
      .replace(fstab, "")
      .split("\n")
      .filter((line) => line !== ""),
    fstab: files["/etc/fstab"] ?? "",
  };
}

describe("mounts", () => {
  test("become lines of fstab with the defaults, and are mounted", () => {
    const { lines, said, problems, started, made } = apply({
      mounts: [
        ["vdb", "/srv"],
        ["UUID=2", "/opt/a b", "xfs", "noatime", 0, 1],
        ["host:/share", "/net", "nfs", "defaults,noauto"],
      ],
    });
    expect(lines).toEqual([
      "/dev/vdb\t/srv\tauto\tdefaults,nofail,comment=cloudconfig\t0\t2",
      "UUID=2\t/opt/a\\040b\txfs\tnoatime,comment=cloudconfig\t0\t1",
      "host:/share\t/net\tnfs\tdefaults,noauto,comment=cloudconfig\t0\t2",
    ]);
    expect({ said, problems, made }).toEqual({ said: "/srv, /opt/a b", problems: [], made: ["/srv", "/opt/a b"] });
    expect(started).toEqual(["sh -c mount /srv", "sh -c mount '/opt/a b'"]);
  });

  test("a second time changes nothing; other ones replace them, lines of others stay", () => {
    const config = { mounts: [["vdb", "/srv"]] };
    const first = apply(config);
    expect(apply(config, { fstab: first.fstab }).fstab).toBe(first.fstab);
    expect(apply({ mounts: [["LABEL=x", "/x"]] }, { fstab: first.fstab }).lines).toEqual([
      "LABEL=x\t/x\tauto\tdefaults,nofail,comment=cloudconfig\t0\t2",
    ]);
    expect(apply({ mounts: [] }, { fstab: first.fstab }).fstab).toBe(fstab);
    expect(apply({ mounts: [["UUID=1", "/elsewhere"]] })).toMatchObject({ fstab, problems: [] });
  });

  test("names of the cloud's are passed over unless they stand for something", () => {
    expect(
      apply({
        mounts: [
          ["ephemeral0", "/mnt"],
          ["swap", null],
        ],
      }),
    ).toMatchObject({ fstab, problems: [] });
    expect(apply({ mounts: [], device_aliases: { ephemeral0: "/dev/vdb" } }).lines).toEqual([
      "/dev/vdb\t/mnt\tauto\tdefaults,nofail,comment=cloudconfig\t0\t2",
    ]);
    expect(apply({ mounts: [["ephemeral0.1", "/x"]], device_aliases: { ephemeral0: "nvme1n1" } }).lines[0]).toMatch(
      /^\/dev\/nvme1n1p1\t/,
    );
    expect(apply({ mounts: [["ephemeral0", null]], device_aliases: { ephemeral0: "vdb" } }).lines).toEqual([]);
  });

  test("a line without a directory takes those of its device back", () => {
    expect(
      apply({
        mounts: [
          ["vdb", "/a"],
          ["vdc", "/c"],
          ["vdb", null],
        ],
      }).lines,
    ).toHaveLength(1);
    expect(apply({ mounts: [["vdb"]] }).lines).toEqual([]);
  });

  test("mount_default_fields, and words that only systemd knows", () => {
    const config = {
      mount_default_fields: [null, null, "ext4", "defaults,nofail,x-systemd.after=a.service", "0", "0"],
      mounts: [["vdb", "/a"]],
    };
    expect(apply(config).lines).toEqual(["/dev/vdb\t/a\text4\tdefaults,nofail,comment=cloudconfig\t0\t0"]);
  });

  test("a device that is missing is no problem with nofail", () => {
    expect(apply({ mounts: [["vdz", "/a"]] })).toMatchObject({ problems: [], started: [] });
    expect(apply({ mounts: [["vdz", "/a", "ext4", "defaults"]] }).problems).toEqual([
      "cannot mount /dev/vdz: there is no such device",
    ]);
    expect(apply({ mounts: [["vdb", "/a"]] }, { status: 32 }).problems).toHaveLength(1);
  });

  test("swap on a partition", () => {
    expect(apply({ mounts: [["vdb", "none", "swap", "sw", "0", "0"]] })).toMatchObject({
      said: "swap on /dev/vdb",
      started: ["sh -c swapon /dev/vdb"],
    });
  });

  test.each<[unknown]>([
    ["all"],
    [["vdb /srv"]],
    [[{}]],
    [[["vdb", "srv"]]],
    [[["vdb", "/"]]],
    [[["vdb", "/proc/x"]]],
    [[["vdb", "/a/../etc"]]],
    [[["vdb", "/a\nb"]]],
    [[["vdb", "/a", "ext4", "defaults", "x"]]],
    [[["#", "/a"]]],
    [[["a", "b", "c", "d", "e", "f", "g"]]],
  ])("%j is reported, and fstab stays", (value) => {
    const result = apply({ mounts: value });
    expect(result).toMatchObject({ fstab, started: [] });
    expect(result.problems).toHaveLength(1);
  });

  test("whatever is asked for, fstab keeps its other lines and stays well-formed", () => {
    const field = fc.oneof(
      fc.string(),
      fc.constantFrom<unknown>("vdb", "/srv", "swap", "none", null, 7, {}, "a b", "x\ty", "ext4"),
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.array(fc.oneof(fc.array(field, { maxLength: 8 }), field)), field),
        fc.oneof(fc.array(field), field),
        (list, defaults) => {
          const { fstab: text } = apply({ mounts: list, mount_default_fields: defaults });
          expect(text.startsWith(fstab)).toBe(true);
          for (const line of text
            .slice(fstab.length)
            .split("\n")
            .filter((part) => part !== "")) {
            expect(line.split(/\s/)).toHaveLength(6);
            expect(line).toContain("comment=cloudconfig");
          }
          expect(apply({ mounts: list, mount_default_fields: defaults }, { fstab: text }).fstab).toBe(text);
        },
      ),
      { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300) },
    );
  }, 300_000);
});

describe("swap", () => {
  const make = (size: unknown) => apply({ swap: { filename: "/swap.img", size } });

  test("a file of the size that is asked for", () => {
    const { said, lines, started, problems } = make("512M");
    expect({ said, problems }).toEqual({ said: "swap of 512 MiB on /swap.img", problems: [] });
    expect(lines).toEqual(["/swap.img\tnone\tswap\tsw,comment=cloudconfig\t0\t0"]);
    expect(started.at(-1)).toContain("umask 077; { fallocate -l 536870912 /swap.img || dd");
  });

  test("of a size that suits the machine", () => {
    expect(make("auto").said).toBe("swap of 1024 MiB on /swap.img");
    expect(apply({ swap: { size: "auto", maxsize: "256MiB" } }).said).toBe("swap of 256 MiB on /swap.img");
    expect(suggested(2 * GiB, 100 * GiB, undefined)).toBe(2 * GiB);
    expect(suggested(8 * GiB, 100 * GiB, undefined)).toBe(4 * GiB);
    expect(suggested(64 * GiB, 100 * GiB, undefined)).toBe(8 * GiB);
    expect(suggested(8 * GiB, 8 * GiB, undefined)).toBe(2 * GiB);
    expect(suggested(8 * GiB, GiB, 2 * GiB)).toBe(GiB * 0.9);
  });

  test("is there already", () => {
    const used = apply({ swap: { size: "1G" } }, { files: { "/proc/swaps": "Filename\n/swap.img file 1 0 -2\n" } });
    expect(used).toMatchObject({ said: undefined, problems: [], started: [] });
    expect(used.lines).toHaveLength(1);
    const there = apply({ swap: { size: "1G" } }, { files: { "/swap.img": `${"\0".repeat(4086)}SWAPSPACE2` } });
    expect(there).toMatchObject({
      said: "swap on /swap.img",
      problems: [],
      started: ["sh -c chmod 600 /swap.img && swapon /swap.img"],
    });
    const other = apply({ swap: { size: "1G", filename: "/etc/passwd" } }, { files: { "/etc/passwd": "root" } });
    expect(other).toMatchObject({
      said: undefined,
      started: [],
      problems: ["swap: /etc/passwd is there, and is no swap file: it stays as it is"],
    });
  });

  test("no room, or no luck, is reported", () => {
    expect(apply({ swap: { size: "1G" } }, { freeKiB: 1024 ** 2 }).problems[0]).toMatch(/would fill/);
    const unlucky = apply({ swap: { size: "1G" } }, { status: 1 });
    expect(unlucky.problems[0]).toMatch(/^swap: cannot swap to \/swap.img/);
    expect(unlucky.fstab).toBe(fstab);
  });

  test.each([["a lot"], ["-1"], [{}], [[]], ["1X"]])("size %j is reported", (size) =>
    expect(make(size)).toMatchObject({ started: [], fstab, problems: [expect.stringContaining("is no size")] }),
  );
  test.each([[0], [null], ["0"], [false]])("size %j wants none", (size) =>
    expect(make(size)).toMatchObject({ started: [], fstab, problems: [] }),
  );
  test("odd names", () => {
    for (const filename of ["swap.img", "/a/../b", "/", "/x/"])
      expect(apply({ swap: { size: "1M", filename } }).problems).toHaveLength(1);
    expect(apply({ swap: 7 }).problems).toEqual(["swap is no mapping"]);
  });

  test("sizes", () => {
    expect([1024, "2048", "1.5G", "64 KiB", "3MB", "1t", "10B"].map(bytesOf)).toEqual([
      1024,
      2048,
      1.5 * GiB,
      65536,
      3 * MiB,
      1024 * GiB,
      10,
    ]);
  });
});
