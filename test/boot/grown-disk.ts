import { expect } from "vitest";
import { runOracle } from "../oracles/run.ts";
import type { Guest } from "./boot.ts";

const MiB = 1024 ** 2;
export const GiB = 1024 ** 3;

/** What the guest says of its disk, and of the partition and the file system mounted at a path. */
export async function readSizes(run: Guest["run"], path = "/") {
  const text = await run(
    `number=$(awk '$5 == "${path}" {print $3}' /proc/self/mountinfo | tail -n 1); at=$(readlink -f /sys/dev/block/$number); ` +
      `cat $at/../size $at/start $at/size; df -kP ${path} | awk 'END {print $2}'; basename $at`,
  );
  const [disk = "", start = "", size = "", root = "", name = ""] = text.split("\n");
  return { name, diskBytes: +disk * 512, startBytes: +start * 512, sizeBytes: +size * 512, rootBytes: +root * 1024 };
}

export function expectFull(
  sizes: Awaited<ReturnType<typeof readSizes>>,
  wanted: { name: string; diskBytes: number },
): void {
  expect(sizes).toMatchObject(wanted);
  expect(sizes.diskBytes - sizes.startBytes - sizes.sizeBytes).toBeLessThan(2 * MiB);
  // A hundredth or two is ext4's own, and its journal.
  expect(sizes.rootBytes).toBeGreaterThan(sizes.sizeBytes * 0.97 - 128 * MiB);
}

/** e2fsck's opinion of the root file system, which is partition 1, and sgdisk's of a GPT. */
export async function checkRoot(diskFile: string): Promise<void> {
  const raw = `${diskFile}.raw`;
  const converted = await runOracle("qemu-img", ["convert", "-O", "raw", diskFile, raw]);
  expect(converted.status, converted.output).toBe(0);
  const dump = await runOracle("sfdisk", ["--dump", raw]);
  if (/^label: gpt/m.test(dump.output))
    expect((await runOracle("sgdisk", ["-v", raw])).output).toContain("No problems found");
  const start = Number(dump.output.match(/raw1 : start= *(\d+)/)?.[1]);
  const place = `${raw}?offset=${start * 512}`;
  // What a machine that was switched off has in its journal, the next mount would do.
  await runOracle("e2fsck", ["-E", "journal_only", "-y", place]);
  const { status, output } = await runOracle("e2fsck", ["-fn", place]);
  expect(status, output).toBe(0);
}
