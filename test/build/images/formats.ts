import { expect } from "vitest";
import { runOracle } from "../../oracles/run.ts";
import { tool } from "./judges.ts";
import type { BuiltProbe } from "./probe.ts";

const qemuNames: Readonly<Record<string, string>> = { vhd: "vpc", "vhd-fixed": "vpc", "vmdk-flat": "vmdk" };
/** Those that qemu-img has checks for; of the others it says so. */
const checked = ["qcow2", "vmdk", "vdi"];

/** qemu-img detects what it should, finds no fault, and reads the raw disk in every file that one build has written. */
export async function judgeFormats({ built, loaded, path: raw }: BuiltProbe): Promise<void> {
  const { output } = loaded.profile;
  expect([...new Set(built.files.map(({ format }) => format))]).toEqual(output.formats);
  for (const { format, path } of built.files) {
    if (path.endsWith("-flat.vmdk")) continue;
    const name = qemuNames[format] ?? format;
    // A fixed VHD is known by its last sector, where qemu-img does not look.
    const detected = format === "vhd-fixed" ? ["-f", "vpc"] : [];
    const info = JSON.parse(await tool("qemu-img", ["info", "--output=json", ...detected, path]));
    expect(info).toMatchObject({ format: name, "virtual-size": built.diskSizeBytes });
    const { status, output: said } = await runOracle("qemu-img", ["check", "-f", name, path]);
    if (checked.includes(name)) expect(said).toMatch(/^No errors were found on the image\.\n/);
    expect(status, said).toBe(checked.includes(name) ? 0 : 63);
    const compared = await runOracle("qemu-img", ["compare", "-f", "raw", "-F", name, raw, path]);
    expect(compared).toEqual({ status: 0, output: "Images are identical.\n" });
    if (format !== "qcow2") continue;
    const { compat, clusterSize, compression } = output;
    const isNew = compat === "1.1";
    expect(info).toMatchObject({
      "cluster-size": clusterSize,
      "format-specific": { data: { compat, ...(isNew && { "compression-type": compression, corrupt: false }) } },
    });
    const map: { compressed?: boolean }[] = JSON.parse(await tool("qemu-img", ["map", "--output=json", path]));
    expect(map.some(({ compressed }) => compressed === true)).toBe(output.compress);
  }
}
