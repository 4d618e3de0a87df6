import { randomFillSync } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type CleanOptions, cleanUp } from "../../src/commands/cleaning.ts";
import { environmentOf } from "../../src/commands/emulating.ts";
import { type ImportOptions, importImage } from "../../src/commands/importing.ts";
import type { CloudName } from "../../src/providers/cloud.ts";
import type { Connection } from "../../src/providers/connection.ts";
import { listRuns } from "../../src/providers/journal-store.ts";
import { makeClock } from "../../src/rehearsal/clock.ts";
import { type FaultPlan, makeFaultPlan } from "../../src/rehearsal/faults.ts";
import type { Rehearsal, RehearsalOptions } from "../../src/rehearsal/rehearsal.ts";
import { type Finished, finished, repository, startCloudimg } from "../cli/cloudimg.ts";
import { answeringMachines } from "../rehearsal/answering-machine.ts";
import { importableImage } from "../rehearsal/importable-image.ts";
import { cloudNames, play } from "../rehearsal/rehearsal-fixture.ts";

// The verbs as processes of their own, which are interrupted and killed: nothing is left in the cloud, once somebody has cleaned.

/** Its thousands of files take a second to load, and half a minute on a machine that is busy. */
beforeAll(() => import("@alicloud/ecs20140526"), 180_000);

const longMs = 120_000;
const sharedWith = { tencent: "100000000001", alibaba: "1234567890123456", huawei: "5f".repeat(16) } as const;

/** An emulated cloud by the host's clock, or one that goes so much faster, and a user who knows it by the environment only. */
async function playUser(
  name: CloudName,
  { speed = 1, ...options }: Partial<RehearsalOptions> & { speed?: number } = {},
) {
  const originMs = Date.now();
  const played = await play(name, {
    machines: answeringMachines(),
    clock: makeClock({ startMs: originMs, speed }),
    pace: 10,
    ...options,
  });
  const { rehearsal, directory, context } = played;
  const data = join(directory, "data");
  const clock = { CLOUDIMG_TEST_SPEED: `${speed}`, CLOUDIMG_TEST_ORIGIN: `${originMs}` };
  const environment = { ...environmentOf(rehearsal), ...clock, CLOUDIMG_DATA: data, HOME: directory };
  const nodeOptions = speed === 1 ? [] : ["--import", join(repository, "test/quicker-clock.ts")];
  const start = (...args: string[]) => {
    const child = startCloudimg(args, { environment, nodeOptions });
    onTestFinished(() => void child.kill("SIGKILL"));
    return child;
  };
  const run = async (...args: string[]): Promise<Finished & { value: Record<string, never> }> => {
    const done = await finished(start(...args, "--json"));
    const last = done.stdout.trim().split("\n").at(-1) ?? "";
    return { ...done, value: last === "" ? {} : JSON.parse(last).value };
  };
  // What is not to be waited for here happens by the cloud's clock, which leaps.
  const connection: Connection = {
    ...rehearsal.connection,
    sleep: async (ms) => rehearsal.clock.advance(ms),
  };
  const access = { connection, credentials: rehearsal.credentials };
  const imported = async (more: Partial<ImportOptions> = {}) => {
    const path = await importableImage(directory);
    const place = { provider: name, region: rehearsal.region, bucket: rehearsal.bucket };
    return (await importImage(path, { ...place, ...more }, { ...context, environment: {} }, access)).image.id;
  };
  // A minute may pass until it is sure that what nobody has seen is not there.
  const clean = (ids: string[], more: Partial<CleanOptions> = {}) => {
    const own = { ...context, environment: {}, directories: { ...context.directories, data } };
    return cleanUp(ids, { provider: "local", region: rehearsal.region, olderThan: "24h", ...more }, own, access);
  };
  const runs = () => listRuns({ directories: { ...context.directories, data } });
  return {
    ...played,
    run,
    start,
    data,
    clean,
    runs,
    imported,
    lose: () => rmSync(data, { recursive: true, force: true }),
  };
}

const kindsLeft = (rehearsal: Rehearsal) =>
  rehearsal
    .left()
    .map(({ kind }) => kind)
    .filter((kind) => kind !== "snapshot")
    .sort();

async function until(what: () => boolean, running?: Promise<Finished>): Promise<void> {
  let ended: Finished | undefined;
  void running?.then((end) => {
    ended = end;
  });
  for (const deadline = performance.now() + longMs; !what(); await sleep(5)) {
    if (ended !== undefined) throw new Error(`it ended: ${ended.code} ${ended.stderr}${ended.stdout}`);
    if (performance.now() > deadline) throw new Error("it did not happen");
  }
}

/** After two parts the store answers nothing but 503, until it is mended. */
function brokenStore(): { faults: FaultPlan; mend(): void; isBroken(): boolean } {
  const plan = makeFaultPlan();
  let parts = 0;
  let isMended = false;
  return {
    faults: {
      ...plan,
      take(service, operation) {
        if (isMended || operation !== "UploadPart" || ++parts <= 2) return plan.take(service, operation);
        return { kind: "status", status: 503 };
      },
    },
    mend() {
      isMended = true;
    },
    isBroken: () => parts > 6,
  };
}

describe.each(cloudNames)("%s", (name) => {
  test("an upload that is interrupted goes on, or is ended", { timeout: longMs }, async () => {
    const broken = brokenStore();
    const { rehearsal, run, start, directory } = await playUser(name, { faults: broken.faults });
    const path = join(directory, "large.raw");
    writeFileSync(path, randomFillSync(Buffer.allocUnsafe(44 * 1024 * 1024)));
    const command = ["upload", path, "-p", name, "--bucket", rehearsal.bucket];
    const child = start(...command);
    const end = finished(child);
    await until(broken.isBroken, end);
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect(code).toBe(130);
    expect(stderr).toMatch(/(8\.4|16\.8|25\.2) MB of 46\.1 MB are at .*, and stay there\n {2}hint: the same command/);
    expect(kindsLeft(rehearsal)).toEqual(["upload"]);
    broken.mend();
    expect((await run("clean", "--dry-run")).value).toMatchObject({ removed: [expect.stringMatching(/^upload /)] });
    const again = await run(...command);
    expect(again.value).toMatchObject({ outcome: "uploaded", sizeBytes: 44 * 1024 * 1024 });
    expect(kindsLeft(rehearsal)).toEqual(["object"]);
    expect((await run("clean")).value).toMatchObject({ removed: [] });
  });

  test("an upload that is killed is ended by --abort, or by clean", { timeout: longMs }, async () => {
    for (const ending of ["abort", "clean"]) {
      const broken = brokenStore();
      const { rehearsal, run, start, directory } = await playUser(name, { faults: broken.faults });
      const path = join(directory, "large.raw");
      writeFileSync(path, randomFillSync(Buffer.allocUnsafe(44 * 1024 * 1024)));
      const command = ["upload", path, "-p", name, "--bucket", rehearsal.bucket];
      const child = start(...command);
      const end = finished(child);
      await until(broken.isBroken, end);
      child.kill("SIGKILL");
      await end;
      broken.mend();
      const { code, value } = ending === "clean" ? await run("clean") : await run(...command, "--abort");
      expect(code).toBe(0);
      expect(value).toMatchObject(
        ending === "clean" ? { removed: [expect.stringMatching(/^upload /)] } : { outcome: "aborted" },
      );
      expect(kindsLeft(rehearsal)).toEqual([]);
      await rehearsal.close();
    }
  });

  test("a launch that is interrupted leaves nothing", { timeout: longMs }, async () => {
    const { rehearsal, run, start, imported } = await playUser(name);
    const image = await imported();
    const child = start("launch", image, "-p", name);
    const end = finished(child);
    await until(() => kindsLeft(rehearsal).includes("instance"), end);
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect({ code, stderr }).toMatchObject({ code: 130, stderr: expect.stringContaining("tidied up") });
    expect(kindsLeft(rehearsal)).toEqual(["image"]);
    const { value } = await run("runs");
    expect(value["runs"]).toMatchObject([{ state: "failed", left: 0 }]);
  });

  test("a launch that is killed is cleaned by its journal, or by tags", { timeout: longMs }, async () => {
    const { rehearsal, start, runs, clean, imported, lose } = await playUser(name);
    const image = await imported();
    for (const way of ["unnamed", "named", "tags"]) {
      const child = start("launch", image, "-p", name);
      const end = finished(child);
      await until(() => kindsLeft(rehearsal).includes("instance"), end);
      child.kill("SIGKILL");
      await end;
      const run = runs().at(-1);
      expect(run).toMatchObject({ state: "running" });
      const id = run?.id ?? "";
      if (way === "tags") lose();
      const byTags = { byTags: true, provider: name, run: id } as const;
      const cleaned = await clean(way === "named" ? [id] : [], way === "tags" ? byTags : {});
      expect(cleaned).toMatchObject({ left: [], skipped: [] });
      expect(cleaned.removed).toContainEqual(expect.stringMatching(/^instance /));
      expect(kindsLeft(rehearsal)).toEqual(["image"]);
    }
  });

  test("what a killed launch has left is removed by the command clean, by its run and by tags", {
    timeout: longMs,
  }, async () => {
    const { rehearsal, start, run, runs, imported, lose } = await playUser(name, { speed: 20 });
    const image = await imported();
    for (const way of ["run", "tags"]) {
      const child = start("launch", image, "-p", name);
      const end = finished(child);
      await until(() => kindsLeft(rehearsal).includes("instance"), end);
      child.kill("SIGKILL");
      await end;
      const id = runs().at(-1)?.id ?? "";
      if (way === "tags") lose();
      const cleaned = await run("clean", ...(way === "run" ? [id] : ["-p", name, "--by-tags", "--older-than", "1ms"]));
      expect([cleaned.code, cleaned.stderr.match(/^error.*/m)]).toEqual([0, null]);
      expect(cleaned.value).toMatchObject({ left: [] });
      expect(kindsLeft(rehearsal)).toEqual(["image"]);
    }
  });

  test("an import that is killed goes on; or it is cleaned, by its journal or by tags", {
    timeout: longMs,
  }, async () => {
    const { rehearsal, run, start, runs, clean, directory, lose } = await playUser(name, { pace: 20 });
    const command = ["import", await importableImage(directory), "-p", name, "--bucket", rehearsal.bucket];
    const kill = async () => {
      const child = start(...command);
      const end = finished(child);
      await until(() => kindsLeft(rehearsal).includes("image"), end);
      child.kill("SIGKILL");
      await end;
      return runs().at(-1)?.id ?? "";
    };
    await kill();
    const { value, code, stdout } = await run(...command);
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(value).toMatchObject({ state: "available", existed: false });
    expect(kindsLeft(rehearsal)).toEqual(["image"]);
    expect(rehearsal.made().filter(({ kind }) => kind === "image")).toHaveLength(1);
    await clean([value["id"] ?? ""], { provider: name });

    await kill();
    expect(await clean([])).toMatchObject({ left: [], skipped: [] });
    expect(kindsLeft(rehearsal)).toEqual([]);

    const id = await kill();
    lose();
    // What is new is not shown at once.
    rehearsal.clock.advance(10_000);
    const byTags = { byTags: true, provider: name } as const;
    expect(await clean([], { ...byTags, olderThan: "1ms" })).toMatchObject({ removed: [] });
    expect(await clean([], { ...byTags, run: id })).toMatchObject({ removed: [] });
    const images = { ...byTags, run: id, images: true };
    expect(await clean([], images)).toMatchObject({ removed: [expect.stringMatching(/^image /)] });
    // Of objects a store tells nothing.
    expect(kindsLeft(rehearsal)).toEqual(["object"]);
  });
});

test("images of a run that were published, or belong to a family, are spared by tags", async () => {
  const { rehearsal, clean, imported, cloud, context } = await playUser("tencent");
  const id = await imported({ family: "probes" });
  const [image] = await cloud.images.find({ handle: { imageId: id, name: "", region: rehearsal.region } }, context);
  const byTags = { byTags: true, images: true, provider: "tencent" } as const;
  const cleaned = await clean([], { ...byTags, run: image?.tags["cloudimg:run"] ?? "" });
  expect(cleaned).toMatchObject({ removed: [], left: [] });
  expect(kindsLeft(rehearsal)).toEqual(["image"]);
  await expect(clean([], byTags)).rejects.toMatchObject({ code: "usage/arguments" });
});

test.each(cloudNames)(
  "%s: an image that is shared, and whose journal is lost, is not removed by tags",
  async (name) => {
    const { rehearsal, clean, imported, cloud, context, lose } = await playUser(name);
    const id = await imported();
    const [image] = await cloud.images.find({ handle: { imageId: id, name: "", region: rehearsal.region } }, context);
    if (image === undefined) throw new Error("there is no image");
    await cloud.images.change(image, { shareWith: [sharedWith[name]] }, context);
    lose();
    const byTags = { byTags: true, images: true, provider: name, run: image.tags["cloudimg:run"] ?? "" } as const;
    const cleaned = await clean([], byTags);
    expect(cleaned).toMatchObject({ removed: [], left: [{ kind: "image", fault: expect.stringMatching(/shared/) }] });
    expect(kindsLeft(rehearsal)).toEqual(["image"]);
  },
);

test("runs whose credentials are not here are told, and stop nothing", { timeout: longMs }, async () => {
  const { rehearsal, clean, start, imported, data, directory } = await playUser("huawei");
  const image = await imported();
  const child = start("launch", image, "-p", "huawei");
  const end = finished(child);
  await until(() => kindsLeft(rehearsal).includes("instance"), end);
  child.kill("SIGKILL");
  await end;
  const nobody = { PATH: process.env["PATH"] ?? "", HOME: join(directory, "nobody"), CLOUDIMG_DATA: data };
  const told = await finished(startCloudimg(["clean"], { onlyEnvironment: nobody }));
  expect(told).toMatchObject({ code: 0, stdout: "nothing to remove\n" });
  expect(told.stderr).toMatch(
    /warning: the run .* \(huawei\) stays: cannot log in to Huawei Cloud: there is no access key/,
  );
  expect(await clean([], { provider: "huawei" })).toMatchObject({ left: [], skipped: [] });
  expect(kindsLeft(rehearsal)).toEqual(["image"]);
});

test.each(cloudNames)(
  "%s: with another account's credentials a run is not cleaned",
  { timeout: longMs },
  async (name) => {
    const { rehearsal, start, runs, clean, imported, context, data } = await playUser(name);
    const image = await imported();
    const child = start("launch", image, "-p", name);
    const { code, stderr } = await finished(child);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const { rehearsal: another } = await play(name, { seed: "somebody else" });
    const access = { connection: another.connection, credentials: another.credentials };
    const id = runs().at(-1)?.id ?? "";
    const own = { ...context, environment: {}, directories: { ...context.directories, data } };
    const options = { provider: "local", region: rehearsal.region, olderThan: "24h" } as const;
    await expect(cleanUp([id], options, own, access)).rejects.toMatchObject({
      code: "cloud/denied",
      message: expect.stringMatching(/^cannot clean the run .*: it is of the account \w+, and these .* are of \w+$/),
    });
    expect(kindsLeft(rehearsal)).toContain("instance");
    expect(await clean([id])).toMatchObject({
      left: [],
      removed: expect.arrayContaining([expect.stringMatching(/^inst/)]),
    });
    expect(kindsLeft(rehearsal)).toEqual(["image"]);
  },
);
