import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { examineImage } from "../../src/examine/open.ts";
import { runOracle } from "../oracles/run.ts";
import { type BuiltForBoot, buildForBoot, withGuest } from "./boot.ts";

let built: BuiltForBoot;
beforeAll(async () => {
  built = await buildForBoot(`extends: cloudimg:base
image: { name: overlay }
disk: { partitionTable: legacy, fileSystem: squashfs, squashfs: { overlay: data } }
output: { formats: [raw] }
`);
}, 120_000);
afterAll(() => built.remove());

/** What debugfs does to the data partition of the image in the store. */
async function changeData(requests: readonly string[]): Promise<void> {
  const path = join(built.context.directories.data, "images", built.image.id, "disk.raw");
  const image = examineImage(path);
  const startBytes = image.partitions.find(({ number }) => number === 1)?.startBytes;
  image.close();
  for (const request of requests) {
    const { status, output } = await runOracle("debugfs", ["-w", "-R", request, `${path}?offset=${startBytes}`]);
    expect(status, output).toBe(0);
  }
}

test("an overlay whose directories were removed begins anew; one that cannot be used is left out", {
  timeout: 300_000,
}, async () => {
  await changeData(["rmdir /overlay/upper", "rmdir /overlay/work", "rmdir /overlay"]);
  await withGuest(built, async ({ run }) => {
    expect(await run("touch /etc/changed && ls /data/overlay/upper/etc/changed")).toBe(
      "/data/overlay/upper/etc/changed",
    );
  });
  await changeData(["write /dev/null /overlay"]);
  await withGuest(built, async ({ run, console: printed }) => {
    expect(await run("touch /etc/changed && cat /data/overlay")).toBe("");
    expect(printed()).toContain("cannot use the changes on the data partition");
  });
});
