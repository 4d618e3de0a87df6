import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { removeLeftovers } from "../../src/core/leftovers.ts";

test("only old temporaries of the same file whose process is gone are removed", () => {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-leftovers-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const gone = spawnSync(process.execPath, ["--version"]).pid;
  const anHourAgo = new Date(Date.now() - 3_600_000);
  const place = (name: string, time = anHourAgo) => {
    writeFileSync(join(directory, name), "");
    utimesSync(join(directory, name), time, time);
    return name;
  };
  const stay = [
    place("disk.raw"),
    place(`.disk.raw.${process.pid}-00c0ffee.tmp`), // its process runs
    place(`.disk.raw.${gone}-00000001.tmp`, new Date()), // may be another machine's
    place(`.other.raw.${gone}-00c0ffee.tmp`),
    place(`.disk.raw.${gone}-notes.tmp`),
  ];
  place(`.disk.raw.${gone}-00c0ffee.tmp`);
  removeLeftovers(join(directory, "disk.raw"));
  expect(readdirSync(directory).sort()).toEqual(stay.sort());
  removeLeftovers(join(directory, "nowhere", "disk.raw"));
});
