import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { diskFormats } from "../../src/build/disk-formats/registry.ts";
import { noise, prose } from "../build/disk-formats/disks.ts";
import { cloudimg, temporaryDirectory } from "../cli/cloudimg.ts";
import { runOracle } from "../oracles/run.ts";

const MiB = 1024 ** 2;

/** A disk with text, noise, stored zeros and a hole. */
function makeDisk(): { directory: string; raw: string; sha256: string } {
  const directory = temporaryDirectory();
  const raw = join(directory, "disk.raw");
  writeFileSync(raw, Buffer.concat([prose(MiB), noise(300_000), new Uint8Array(MiB), prose(MiB, 5)]));
  truncateSync(raw, 16 * MiB);
  return { directory, raw, sha256: createHash("sha256").update(readFileSync(raw)).digest("hex") };
}

async function convert(...args: string[]) {
  const run = await cloudimg(["convert", ...args, "--json"]);
  const lines = run.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { ...run, lines, value: lines.at(-1)?.value, problems: lines.at(-1)?.problems };
}

const qemuNames: Record<string, string> = { vhd: "vpc", "vhd-fixed": "vpc", "vmdk-flat": "vmdk" };

describe("cloudimg convert", () => {
  test.each(Object.values(diskFormats))(
    "raw to $name and back: the same disk, and nothing but it is stored",
    async ({ name, extension }) => {
      const { directory, raw, sha256 } = makeDisk();
      const out = join(directory, `out${extension}`);
      const there = await convert(raw, out, "--format", name);
      expect(there.value).toMatchObject({
        input: { path: raw, format: "raw", fileBytes: 16 * MiB },
        files: [
          { path: out, format: name, sizeBytes: statSync(out).size },
          ...(there.value.files.length > 1 ? [{}] : []),
        ],
        identity: sha256,
      });
      const allocated = there.value.files.reduce(
        (sum: number, file: { allocatedBytes: number }) => sum + file.allocatedBytes,
        0,
      );
      expect(allocated).toBeLessThan(10 * MiB);
      const qemu = qemuNames[name] ?? name;
      const compared = await runOracle("qemu-img", ["compare", "-f", "raw", "-F", qemu, raw, out]);
      expect(compared.output).toContain("Images are identical.");
      // A format may round the disk's size up.
      const back = join(directory, "back.img");
      const again = await convert(out, back);
      expect(again.code, again.stdout).toBe(0);
      expect(again.value.files[0].format).toBe("raw");
      const bytes = readFileSync(back);
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(again.value.identity);
      expect(
        createHash("sha256")
          .update(bytes.subarray(0, 16 * MiB))
          .digest("hex"),
      ).toBe(sha256);
      expect(bytes.subarray(16 * MiB).every((byte) => byte === 0)).toBe(true);
      expect(statSync(back).blocks * 512).toBeLessThan(4 * MiB);
    },
  );

  test("says for people what it made", async () => {
    const { directory, raw, sha256 } = makeDisk();
    const { code, stdout, stderr } = await cloudimg(["convert", raw, join(directory, "a.qcow2")]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^✓ convert +qcow2 /) });
    for (const text of [raw, join(directory, "a.qcow2"), "16.8 MB", sha256]) expect(stdout).toContain(text);
  });

  test("an overlay becomes whole, with the options of qcow2", async () => {
    const { directory, raw, sha256 } = makeDisk();
    const overlay = join(directory, "overlay.qcow2");
    await runOracle("qemu-img", ["create", "-f", "qcow2", "-b", raw, "-F", "raw", overlay]);
    const whole = join(directory, "whole.qcow2");
    const options = ["--compat", "0.10", "--no-compress", "--cluster-size", "4KiB"];
    const { value } = await convert(overlay, whole, ...options);
    expect(value.identity).toBe(sha256);
    const { output } = await runOracle("qemu-img", ["info", "--output=json", whole]);
    const info = JSON.parse(output);
    expect(info).toMatchObject({ "cluster-size": 4096, "format-specific": { data: { compat: "0.10" } } });
    expect(info).not.toHaveProperty("backing-filename");
  });

  test("zstd, and the same bytes again with other jobs", async () => {
    const { directory, raw } = makeDisk();
    const [a, b] = [join(directory, "a.qcow2"), join(directory, "b.qcow2")];
    await convert(raw, a, "--compression", "zstd", "--jobs", "1");
    await convert(raw, b, "--compression", "zstd", "--jobs", "3");
    expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
  });

  test("what looks like qcow2 is read as raw if told so", async () => {
    const { directory, raw } = makeDisk();
    const inner = join(directory, "inner.qcow2");
    await convert(raw, inner);
    const { value } = await convert(inner, join(directory, "outer.vhd"), "--from", "raw");
    expect(value.diskSizeBytes).toBe(statSync(inner).size);
  });

  test.each([
    ["itself", (raw: string) => [raw, raw], "usage/arguments", "is read"],
    ["itself by another name", (raw: string) => [raw, "disk.raw"], "usage/arguments", "is read"],
    ["an ISO", (raw: string) => [raw, "out.iso"], "usage/arguments", "not a format of disks"],
    ["a name that says nothing", (raw: string) => [raw, "out"], "usage/arguments", "cannot tell from the name"],
    ["an unknown format", (raw: string) => [raw, "out.qed", "--format", "qed"], "usage/arguments", "it is not known"],
    ["compat for vhd", (raw: string) => [raw, "out.vhd", "--compat", "1.1"], "usage/arguments", "only qcow2 has it"],
    ["clusters that are no size", (raw: string) => [raw, "a.qcow2", "--cluster-size", "x"], "usage/arguments", "64KiB"],
    ["odd clusters", (raw: string) => [raw, "a.qcow2", "--cluster-size", "1000"], "image/unsupported", "1000 bytes"],
    ["nothing there", () => ["absent.raw", "out.qcow2"], "image/not-found", "there is no such file"],
    ["raw that is said to be vdi", (raw: string) => [raw, "a.vhd", "--from", "vdi"], "image/not-an-image", "vdi"],
  ])("%s is refused, and nothing is written", async (_, args, code, message) => {
    const { directory, raw } = makeDisk();
    const run = await cloudimg(["convert", ...args(raw), "--json"], { cwd: directory });
    const { problems } = JSON.parse(run.stdout.trim().split("\n").at(-1) as string);
    expect(problems).toEqual([expect.objectContaining({ code, message: expect.stringContaining(message) })]);
    expect(readdirSync(directory)).toEqual(["disk.raw"]);
  });

  test("the file that IN is based on is not overwritten", async () => {
    const { directory, raw, sha256 } = makeDisk();
    const overlay = join(directory, "overlay.qcow2");
    await runOracle("qemu-img", ["create", "-f", "qcow2", "-b", raw, "-F", "raw", overlay]);
    const { problems } = await convert(overlay, raw);
    expect(problems).toEqual([expect.objectContaining({ message: expect.stringContaining("is based on it") })]);
    expect(createHash("sha256").update(readFileSync(raw)).digest("hex")).toBe(sha256);
  });

  test("a damaged image leaves nothing, and what was there stays", async () => {
    const { directory, raw } = makeDisk();
    const image = join(directory, "a.qcow2");
    await convert(raw, image);
    const bytes = readFileSync(image);
    writeFileSync(image, bytes.fill(0xff, bytes.length >> 1));
    writeFileSync(join(directory, "out.vdi"), "old");
    const { problems, code } = await convert(image, join(directory, "out.vdi"));
    expect({ problems, code }).toMatchObject({ problems: [{ code: "image/damaged" }], code: 6 });
    expect(readdirSync(directory).sort()).toEqual(["a.qcow2", "disk.raw", "out.vdi"]);
    expect(readFileSync(join(directory, "out.vdi"), "utf8")).toBe("old");
  });

  test("a warning tells what is wrong with IN", async () => {
    const { directory, raw } = makeDisk();
    const misnamed = join(directory, "misnamed.raw");
    await convert(raw, misnamed, "--format", "qcow2");
    const { lines } = await convert(misnamed, join(directory, "b.vdi"));
    expect(lines[0]).toMatchObject({ type: "log", level: "warning" });
    expect(lines[0].message).toContain("its name says raw, but it is qcow2");
  });
});
