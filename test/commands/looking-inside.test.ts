import { once } from "node:events";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cloudimg, type Finished, startCloudimg, temporaryDirectory } from "../cli/cloudimg.ts";
import { ext4Of, fatOf, gptDisk, placeAt, systemFiles, tool, writeFiles } from "../examine/images.ts";

const scratch = mkdtempSync(join(tmpdir(), "cloudimg-verbs-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);
const run = async (...args: string[]): Promise<Finished> => await cloudimg(args, { cwd: scratch });

/** The verb's result with `--json`: the last line. */
async function json(...args: string[]) {
  const { code, stdout, stderr } = await run(...args, "--json");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const last = JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
  expect(last.type).toBe("result");
  return last.value;
}

/** Ends with one clear error: no stack trace, nothing on standard output. */
async function expectError(args: string[], code: number, ...texts: RegExp[]) {
  const finished = await run(...args);
  for (const text of texts) expect(finished.stderr).toMatch(text);
  expect(finished.stderr).not.toMatch(/bug\/internal|^\s+at .*:\d+:\d+\)?$/m);
  expect({ code: finished.code, stdout: finished.stdout }).toEqual({ code, stdout: "" });
}

beforeAll(async () => {
  const binary = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
  writeFiles(at("system"), { ...systemFiles, "usr/share/binary": binary, "etc/no-newline": "text" });
  writeFiles(at("esp"), { "EFI/BOOT/Long name.txt": "on the ESP\n" });
  await ext4Of(at("system"), at("root.ext4"));
  await fatOf(at("esp"), ["EFI"], at("esp.fat"));
  await gptDisk(at("disk.raw"), { esp: at("esp.fat"), root: at("root.ext4") });
  await tool("qemu-img", ["convert", "-c", "-f", "raw", "-O", "qcow2", at("disk.raw"), at("disk.qcow2")]);
}, 120_000);

describe("ls", () => {
  test("the root partition, another one, a directory itself", async () => {
    expect((await run("ls", "disk.qcow2:/etc")).stdout.split("\n")).toContain("os-release");
    expect((await run("ls", "disk.qcow2:1:/efi/boot")).stdout).toBe("Long name.txt\n");
    expect((await run("ls", "-d", "disk.raw:/etc")).stdout).toBe("/etc\n");
  });

  test("-l, with the image's own names of owners", async () => {
    const { stdout } = await run("ls", "-l", "disk.raw:/bin", "disk.raw:/etc/[ab].conf");
    expect(stdout).toMatch(/^-rw-r--r-- 1 root root 2 2023-11-14 22:13 \/etc\/a\.conf$/m);
    expect(stdout).toMatch(/^l[rwx-]{9} 1 root root .* \/bin -> usr\/bin$/m);
    expect((await run("ls", "-l", "disk.raw:/usr/bin")).stdout).toMatch(/^-\S+ 2 root .* sh$/m);
    expect((await run("ls", "-ln", "disk.raw:/etc/a.conf")).stdout).toMatch(/ 1 0 0 +2 /);
  });

  test("-R tells every path, as debugfs and the directory have it", async () => {
    const { entries } = await json("ls", "-R", "disk.raw:/usr");
    const paths = entries.map(({ path }: { path: string }) => path);
    const expected = readdirSync(at("system/usr"), { recursive: true }).map((name) => `/usr/${name}`);
    expect(paths.sort()).toEqual(expected.sort());
    expect((await run("ls", "-R", "disk.raw:/usr")).stdout).toMatch(/^\/usr:\nbin\nshare\n\n\/usr\/bin:\n/);
  });

  test("--json", async () => {
    const { entries } = await json("ls", "disk.raw:/etc/passwd");
    expect(entries).toEqual([
      {
        path: "/etc/passwd",
        type: "file",
        mode: 0o644,
        links: 1,
        uid: 0,
        gid: 0,
        user: "root",
        group: "root",
        sizeBytes: systemFiles["etc/passwd"]?.length,
        mtime: 1_700_000_000,
        xattrs: [],
      },
    ]);
  });
});

describe("cat", () => {
  test("text, several files, globs: not a byte more or less", async () => {
    expect((await run("cat", "disk.qcow2:/etc/hostname")).stdout).toBe("probe-host\n");
    expect((await run("cat", "disk.raw:/etc/no-newline", "disk.raw:/etc/*.conf")).stdout).toBe("texta\nb\n");
  });

  test("bytes of any kind", async () => {
    const child = startCloudimg(["cat", "disk.qcow2:/usr/share/binary"], { cwd: scratch });
    const parts: Buffer[] = [];
    child.stdout?.on("data", (part: Buffer) => parts.push(part));
    await once(child, "close");
    expect(Buffer.concat(parts).equals(readFileSync(at("system/usr/share/binary")))).toBe(true);
  });

  test("--json carries bytes as Base64", async () => {
    const { stdout } = await run("cat", "disk.raw:/etc/no-newline", "--json");
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { type: "bytes", base64: "dGV4dA==" },
      { type: "result", value: { files: [{ path: "/etc/no-newline", sizeBytes: 4 }] } },
    ]);
  });

  test("a reader that has seen enough ends it without a word", async () => {
    const child = startCloudimg(["cat", ...Array.from({ length: 20 }, () => "disk.raw:/usr/share/binary")], {
      cwd: scratch,
    });
    let stderr = "";
    child.stderr?.on("data", (text: Buffer) => {
      stderr += text;
    });
    child.stdout?.once("data", () => child.stdout?.destroy());
    const [code] = await once(child, "close");
    expect({ code, stderr }).toEqual({ code: 141, stderr: "" });
  });
});

describe("cp", () => {
  test("a file, a directory, into a directory that is there", async () => {
    const cwd = temporaryDirectory();
    const copy = async (...args: string[]) => await cloudimg(["cp", ...args], { cwd });
    expect((await copy(`${at("disk.raw")}:/etc/hostname`, "name")).code).toBe(0);
    expect(readFileSync(join(cwd, "name"), "utf8")).toBe("probe-host\n");
    const { code, stdout, stderr } = await copy("-r", `${at("disk.raw")}:/usr`, `${at("disk.raw")}:1:/EFI`, ".");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toMatch(/✓ copy .*5 files, 5 directories/);
    expect(readFileSync(join(cwd, "usr/share/binary")).equals(readFileSync(at("system/usr/share/binary")))).toBe(true);
    expect(readdirSync(join(cwd, "EFI/BOOT"))).toEqual(["Long name.txt"]);
    expect((await copy(`${at("disk.raw")}:/etc/passwd`, "name")).code).toBe(2);
    expect((await copy("-f", `${at("disk.raw")}:/etc/passwd`, "name")).code).toBe(0);
    expect(readFileSync(join(cwd, "name"), "utf8")).toBe(systemFiles["etc/passwd"]);
  });
});

describe("inspect", () => {
  test("tells the way from the file to the system", async () => {
    const { code, stdout, stderr } = await run("inspect", "disk.qcow2");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const text of [
      /^ {2}format +qcow2$/m,
      /^ {2}SHA-256 +[0-9a-f]{64} \(of the raw disk\)$/m,
      /^Partition table: GPT, disk id 11111111-/m,
      /^ {2}2 +6291456 +8\.4 MB +Linux +aaaaaaaa-.* root$/m,
      /^Partition 1: fat12$/m,
      /^Partition 2: ext4$/m,
      /^ {2}label +probe-root$/m,
      /^Partition 3: nothing that is known$/m,
      /^ {2}menu +2:\/boot\/grub\/grub\.cfg$/m,
      /^System in partition 2\n {2}system +Probe 1 \(test\)$/m,
      /^ {2}accounts +root: 2 ssh keys\n +ada: a password$/m,
      /^ +3\d\d KB +\d+% {2}usr\/$/m,
    ])
      expect(stdout).toMatch(text);
  });

  test("a part that cannot be read does not keep the rest from being told", async () => {
    const bytes = readFileSync(at("disk.qcow2"));
    // The last compressed clusters are those of the root's contents.
    bytes.fill(0xff, bytes.length - 3000, bytes.length - 1000);
    writeFileSync(at("rotten.qcow2"), bytes);
    const { code, stdout } = await run("inspect", "rotten.qcow2");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}SHA-256 +not computed/m);
    expect(stdout).toMatch(/^Partition 1: fat12$/m);
    expect((await run("inspect", "rotten.qcow2", "--hash")).stderr).toMatch(/image\/damaged/);
  });

  test("--json, with sizes as deep as asked; the raw disk's digest is that of its bytes", async () => {
    const value = await json("inspect", "disk.qcow2", "--depth", "1");
    expect(value.sha256).toBe((await json("inspect", "disk.raw")).sha256);
    expect(value.root.sizes.directories.map(({ name }: { name: string }) => name)).toContain("usr");
    expect(value.root.sizes.directories[0].directories).toEqual([]);
  });

  test("--html writes the same page twice, and nothing beside it", async () => {
    const cwd = temporaryDirectory();
    for (const name of ["a.html", "b.html"])
      expect((await cloudimg(["inspect", "../disk.raw", "--html", join(cwd, name)], { cwd: at("system") })).code).toBe(
        0,
      );
    expect(readdirSync(cwd)).toEqual(["a.html", "b.html"]);
    expect(readFileSync(join(cwd, "a.html"), "utf8")).toBe(readFileSync(join(cwd, "b.html"), "utf8"));
    expect(readFileSync(join(cwd, "a.html"), "utf8")).toContain('["binary",300000]');
  });
});

describe("diff", () => {
  test("equal disks, whatever the format", async () => {
    const { code, stdout } = await run("diff", "disk.raw", "disk.qcow2", "--exit-code");
    expect(code).toBe(0);
    expect(stdout).toMatch(/The disks are equal; only the formats of the files differ\.\n$/);
  });

  test("what differs, and the exit code that is asked for", async () => {
    copyFileSync(at("disk.raw"), at("other.raw"));
    writeFiles(at("changed"), { ...systemFiles, "etc/hostname": "other-host\n", "opt/a/b": "x" });
    await ext4Of(at("changed"), at("changed.ext4"));
    placeAt(at("other.raw"), at("changed.ext4"), 12288 * 512);
    const { code, stdout } = await run("diff", "disk.raw", "other.raw", "--content", "--ignore-times");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Contents of partition 2: ext4\n {2}UUID +\S+ → \S+$/m);
    expect(stdout).toMatch(
      /^ {2}~ \/etc\/hostname {2}content, first at byte 0\n {6}@@ -1 \+1 @@\n {6}-probe-host\n {6}\+other-host$/m,
    );
    expect(stdout).toMatch(/^ {2}- \/etc\/no-newline {2}file$/m);
    expect(stdout).toMatch(/^ {2}\+ \/opt {2}directory, with 2 below it$/m);
    expect(stdout).toMatch(/The disks differ: 3 paths added, 2 removed, 1 changed\.\n$/);
    expect((await run("diff", "disk.raw", "other.raw", "--exit-code")).code).toBe(8);
    const value = await json("diff", "disk.raw", "other.raw");
    expect(value).toMatchObject({ isEqual: false, table: [], partitions: [], volumes: [{ partition: 2 }] });
  });
});

describe("what goes wrong is said", () => {
  beforeAll(() => {
    writeFileSync(at("notes.txt"), "these are notes, and not an image\n");
    writeFileSync(at("empty.raw"), "");
    mkdirSync(at("folder"));
    copyFileSync(at("disk.qcow2"), at("cut.qcow2"));
    truncateSync(at("cut.qcow2"), 70_000);
    writeFileSync(at("blank.raw"), Buffer.alloc(1 << 20));
  });

  test.each<[string, number, RegExp, RegExp?]>([
    ["ls missing.raw:/", 6, /missing\.raw: there is no such file \[image\/not-found\]/],
    ["ls folder:/", 6, /folder: it is a directory/],
    ["ls empty.raw:/", 6, /it is empty/],
    ["ls notes.txt:/", 6, /notes\.txt.*whole sectors/],
    ["ls blank.raw:/", 6, /it holds no file system/, /the disk holds nothing known/],
    ["inspect notes.txt", 6, /notes\.txt/],
    ["inspect cut.qcow2", 6, /cut\.qcow2/],
    ["ls disk.raw:/ect", 6, /there is no ect in \/ \[image\/no-path\]/, /did you mean "etc"\?/],
    ["ls disk.raw:3:/", 6, /partition 3 .*nothing|partition 3.*swap|partition 3.*no file system/],
    ["ls disk.raw:9:/", 6, /partition 9 of disk\.raw: there is none/, /partition 2 holds ext4/],
    ["ls disk.raw:etc", 2, /paths in an image start with \//, /write disk\.raw:\/etc/],
    ["ls disk.raw:/etc/*.txt", 6, /the glob matches nothing/],
    ["cat disk.raw:/etc", 6, /it is a directory/, /cloudimg ls lists it/],
    ["cat disk.raw:/etc/hostname disk.raw:/nothing", 6, /there is no nothing/],
    ["cp disk.raw:/etc/hostname", 2, /there is no destination/],
    ["cp disk.raw:/etc there", 6, /it is a directory/, /give -r/],
    ["cp disk.raw:/etc/hostname disk.raw:/root/x", 2, /copies out of images only/],
    ["cp disk.raw:/etc/hostname notes.txt", 2, /notes\.txt: it is there already \[usage\/exists\]/, /--force/],
    ["cp disk.raw:/etc/hostname nowhere/x", 4, /nowhere\/x: its directory does not exist/],
    ["cp disk.raw:/etc/hostname disk.raw:/etc/passwd there", 2, /it is not a directory/],
    ["diff disk.raw notes.txt", 6, /notes\.txt/],
    ["inspect disk.raw --depth many", 2, /whole number/],
    ["inspect disk.raw --html folder", 4, /folder: it is a directory/],
  ])("%s", async (args, code, message, hint) => {
    await expectError(args.split(" "), code, message, ...(hint === undefined ? [] : [hint]));
  });
});
