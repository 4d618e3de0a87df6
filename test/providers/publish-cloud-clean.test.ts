import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { cleanByTags, cleanRun } from "../../src/providers/clean-cloud.ts";
import { listRuns, showRun } from "../../src/providers/journal-store.ts";
import { publishToCloud } from "../../src/providers/publish-cloud.ts";
import { leftIn } from "./fake-cloud.ts";
import { place, writeQuickly } from "./publish-cloud-requests.ts";

// A publish that was killed and does not go on: what it has made is removed, by its journal or, when that is lost, by its tags.

const root = mkdtempSync(join(tmpdir(), "cloudimg-clean-"));
const child = fileURLToPath(new URL("publish-cloud-child.ts", import.meta.url));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What was made, and nobody has been told of it. */
const unseen = [
  ...["object is stored", "image in r1 is begun", "image in r2 is begun", "image in r3 is begun"],
  ...["security-group is made", "key-pair is made", "instance is made"],
];

let places = 0;

function killedAt(point: string) {
  const directory = join(root, String(places++));
  expect(() => execFileSync(process.execPath, [child, directory, point])).toThrow(
    expect.objectContaining({ signal: "SIGKILL" }),
  );
  return place(directory);
}

test.each(unseen)("killed when %s: the journal knows enough to remove it", async (point) => {
  const { request, context, fake } = killedAt(point);
  const [run] = listRuns(context);
  expect(await cleanRun(showRun(run?.id ?? "", context), request, context)).toEqual([]);
  expect(leftIn(fake.state())).toEqual([]);
  expect(fake.state().images).toEqual([]);
  expect(showRun(run?.id ?? "", context).state).toBe("cleaned");
});

// Huawei's import tells no image before it is done, and lists show new ones late: to find nothing to remove is not to have removed it.
test("an image that is still made, and not shown yet, is waited for", async () => {
  const stop = new AbortController();
  const { request, context, fake } = place(join(root, String(places++)), {
    signal: stop.signal,
    async write(path, text) {
      await writeQuickly(path, text);
      if (text.includes('"handle"')) stop.abort(new Error("interrupted"));
    },
  });
  await expect(publishToCloud(request, context)).rejects.toThrow();
  expect(fake.state().images).toHaveLength(1);
  const { images } = request.cloud;
  let looks = 0;
  const find: typeof images.find = async (wanted, inner) => {
    if (++looks > 6) return await images.find(wanted, inner);
    const { handle } = wanted;
    return handle === undefined ? [] : [{ ...handle, id: "", state: "pending", tags: {}, parts: [] }];
  };
  const later = { ...request, cloud: { ...request.cloud, images: { ...images, find } } };
  const calm = { ...context, signal: new AbortController().signal };
  const [run] = listRuns(calm);
  expect(await cleanRun(showRun(run?.id ?? "", calm), later, calm)).toEqual([]);
  expect([looks > 6, fake.state().images]).toEqual([true, []]);
});

describe("without a journal", () => {
  const lost = () => {
    const there = killedAt("instance is made");
    const run = listRuns(there.context)[0]?.id ?? "";
    rmSync(there.context.directories.data, { recursive: true });
    there.fake.edit(({ nowMs }) => ({ nowMs: nowMs + 3 * 3600_000 }));
    return { ...there, run };
  };
  const hour = 3600_000;

  test("what is old enough is found by its tags and removed", async () => {
    const { request, context, fake } = lost();
    const { removed, left } = await cleanByTags({ spare: new Set(), olderThanMs: hour }, request, context);
    expect(removed.map(({ kind }) => kind).toSorted()).toEqual(["instance", "key-pair", "security-group"]);
    expect(left).toEqual([]);
    expect(leftIn({ ...fake.state(), objects: {} })).toEqual([]);
  });

  test("what is young, or of a run that is at work, is not touched; a run that is named is", async () => {
    const { request, context, fake, run } = lost();
    const { nowMs: _, ...before } = fake.state();
    expect(await cleanByTags({ spare: new Set(), olderThanMs: 9 * hour }, request, context)).toMatchObject({
      removed: [],
    });
    expect(await cleanByTags({ spare: new Set([run]), olderThanMs: 0 }, request, context)).toMatchObject({
      removed: [],
    });
    expect(fake.state()).toMatchObject(before);
    expect(
      (await cleanByTags({ run, spare: new Set(), olderThanMs: 9 * hour }, request, context)).removed,
    ).toHaveLength(3);
  });

  test("what refuses is told with its reason", async () => {
    const { request, context } = lost();
    const { instances, ...cloud } = request.cloud;
    const refusing = { ...instances, remove: () => Promise.reject(new Error("UnauthorizedOperation")) };
    const tools = { ...request, cloud: { ...cloud, instances: refusing } };
    const { removed, left } = await cleanByTags({ spare: new Set(), olderThanMs: hour }, tools, context);
    expect(removed).toEqual([]);
    expect(left.map(({ fault }) => fault)).toEqual(Array(3).fill("UnauthorizedOperation"));
  });
});
