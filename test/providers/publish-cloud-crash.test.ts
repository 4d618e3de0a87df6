import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { listRuns } from "../../src/providers/journal-store.ts";
import { publishToCloud } from "../../src/providers/publish-cloud.ts";
import { leftIn } from "./fake-cloud.ts";
import { journalDifference } from "./journal-difference.ts";
import { place, writeQuickly } from "./publish-cloud-requests.ts";

// SIGKILL at every point of a publish, and again: it completes, with the same images; nothing is made twice, nothing is left. The table of points is what a whole
// publish goes through: after each change of the cloud, before the answer, and after each write of the journal.

const root = mkdtempSync(join(tmpdir(), "cloudimg-crash-"));
const child = fileURLToPath(new URL("publish-cloud-child.ts", import.meta.url));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function wholePublish(): Promise<string[]> {
  const points: string[] = [];
  let before = "";
  const { request, context, fake } = place(join(root, "whole"), {
    point: (name) => points.push(name),
    async write(path, text) {
      await writeQuickly(path, text);
      points.push(`journal: ${journalDifference(before, text).join(", ") || "begun"}`);
      before = text;
    },
  });
  await publishToCloud(request, context);
  expect(leftIn(fake.state())).toEqual([]);
  return points;
}

const points = await wholePublish();

test("there is a point after each thing that is made, and after each that is written down", () => {
  expect(points).toEqual(
    expect.arrayContaining(["object is stored", "image in r1 is begun", "image in r3 is begun", "instance is made"]),
  );
  expect(points.filter((name) => name.startsWith("journal")).length).toBeGreaterThan(20);
});

test.concurrent.each(points.map((name, index) => [index + 1, name] as const))("killed at %i: %s", async (n, _name) => {
  const directory = join(root, String(n));
  expect(await runChild(directory, n)).toBe("SIGKILL");
  const { request, context, fake } = place(directory);
  const report = await publishToCloud(request, context);
  const state = fake.state();
  expect(leftIn(state)).toEqual([]);
  expect(report.leftovers).toEqual([]);
  expect(report.images.map(({ region }) => region)).toEqual(["r1", "r2", "r3"]);
  expect(state.images.map(({ id }) => id).toSorted()).toEqual(report.images.map(({ id }) => id).toSorted());
  // The last point is after the end: to publish once more is another run, of the images that are there.
  const isOver = n === points.length;
  const once = isOver ? 2 : 1;
  expect(state.made).toEqual({ object: 1, image: 3, instance: once, "security-group": once, "key-pair": once });
  expect(report.images.every(({ existed }) => existed === isOver)).toBe(true);
  expect(state.images.map(({ family }) => family)).toEqual(["web", "web", "web"]);
  expect(listRuns(context).map((run) => "state" in run && run.state)).toEqual(isOver ? ["done", "done"] : ["done"]);
});

async function runChild(directory: string, n: number): Promise<NodeJS.Signals | null | undefined> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [child, directory, String(n)], (error) => resolve(error?.signal));
  });
}
