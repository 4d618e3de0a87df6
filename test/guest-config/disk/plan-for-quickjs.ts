import * as std from "qjs:std";
import { crc32 } from "../../../src/guest-config/disk/crc32.ts";
import { planTable } from "../../../src/guest-config/disk/table.ts";
import { quickjsHost as host } from "../../../src/guest-config/initializer/host-qjs.ts";

/** Grows partition 1 of each disk that is named, in the table alone, and prints a line of JSON for what it did; the same runs on Node. */
const [, sizeText = "", startText = "", ...paths] = scriptArgs;
for (const path of paths) {
  const disk = {
    sectorBytes: 512,
    count: Number(sizeText) / 512,
    read: (lba: number, count: number) => host.readBytes(path, lba * 512, count * 512),
  };
  const plan = planTable(disk, { number: 1, startLba: Number(startText) });
  if ("reason" in plan) std.out.puts(`${JSON.stringify(plan)}\n`);
  else {
    for (const { lba, bytes } of plan.writes) host.writeAt(path, lba * 512, bytes);
    std.out.puts(`${JSON.stringify(plan.writes.map(({ lba, bytes }) => [lba, crc32(bytes)]))}\n`);
  }
}
