import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { cleanUp } from "../../src/commands/cleaning.ts";
import { terminateInstances } from "../../src/commands/cleaning-instances.ts";
import type { CloudAccess } from "../../src/commands/cloud-session.ts";
import { type ImportOptions, importImage } from "../../src/commands/importing.ts";
import { type LaunchOptions, launchImage } from "../../src/commands/launching.ts";
import { listCloudImages, listCloudInstances } from "../../src/commands/listing-clouds.ts";
import { cloudConsole, cloudScreenshot } from "../../src/commands/listing-clouds-evidence.ts";
import { imageTable, instanceTable } from "../../src/commands/listing-clouds-table.ts";
import { uploadImage } from "../../src/commands/uploading.ts";
import type { CloudName } from "../../src/providers/cloud.ts";
import { listRuns, showRun } from "../../src/providers/journal-store.ts";
import type { MachineMaker } from "../../src/rehearsal/machine-maker.ts";
import type { Rehearsal, RehearsalOptions } from "../../src/rehearsal/rehearsal.ts";
import { answeringMachines } from "../rehearsal/answering-machine.ts";
import { importableImage } from "../rehearsal/importable-image.ts";
import { cloudNames, imported, play } from "../rehearsal/rehearsal-fixture.ts";

// The verbs of one cloud at a time, as the command line calls them, against the emulated clouds.

/** Its thousands of files take a second to load, and half a minute on a machine that is busy. */
beforeAll(() => import("@alicloud/ecs20140526"), 180_000);

/** 8 × 8, black. */
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAADElEQVR4nGNgGB4AAADIAAGtQHYiAAAAAElFTkSuQmCC",
  "base64",
);

/** Instances that answer, and have a screen. */
function withScreens(): MachineMaker {
  const make = answeringMachines();
  return async (...order) => ({ ...(await make(...order)), screenshot: async () => png });
}

async function playVerbs(name: CloudName, options: Partial<RehearsalOptions> = {}) {
  const played = await play(name, { machines: withScreens(), ...options });
  const { rehearsal, directory } = played;
  const access: CloudAccess = { connection: rehearsal.connection, credentials: rehearsal.credentials };
  // Nobody's own keys.
  const context = { ...played.context, environment: { HOME: directory } };
  const place = { provider: name, region: rehearsal.region };
  const { bucket } = rehearsal;
  const launching: LaunchOptions = { ...place, lifetime: "2h", port: [22, 80], cpus: 1, memory: "512MiB" };
  const path = await importableImage(directory);
  return {
    ...{ ...played, access, context, place, path },
    import: (what = path, more: Partial<ImportOptions> = {}) =>
      importImage(what, { ...place, bucket, ...more }, context, access),
    upload: (more: object = {}) => uploadImage(path, { ...place, bucket, ...more }, context, access),
    launch: (image: string, more: Partial<LaunchOptions> = {}) =>
      launchImage(image, { ...launching, ...more }, context, access),
    terminate: (ids: string[], more: object = {}) => terminateInstances(ids, { ...place, ...more }, context, access),
    clean: (ids: string[], more: object = {}) =>
      cleanUp(ids, { provider: "local", olderThan: "24h", ...more }, context, access),
  };
}

const kindsLeft = (rehearsal: Rehearsal) =>
  rehearsal
    .left()
    .map(({ kind }) => kind)
    .sort();

describe.each(cloudNames)("%s", (name) => {
  test("upload: once; the second time it is there", async () => {
    const { upload, clean, place, rehearsal, context } = await playVerbs(name);
    const first = await upload();
    expect(first).toMatchObject({ outcome: "uploaded", bucket: rehearsal.bucket, region: rehearsal.region });
    expect(first.key).toBe(`cloudimg/uploads/importable-${first.sha256}.qcow2`);
    expect(await upload()).toEqual({ ...first, outcome: "existed" });
    expect(await upload({ abort: true })).toEqual({ ...first, outcome: "nothing" });
    expect(kindsLeft(rehearsal)).toEqual(["object"]);
    const file = `${first.bucket}/${first.key}`;
    const missing = clean([`${first.bucket}/nothing.qcow2`, file], place);
    await expect(missing).rejects.toMatchObject({ code: "cloud/not-found" });
    expect(kindsLeft(rehearsal)).toEqual(["object"]);
    const would = await clean([file], { ...place, dryRun: true });
    expect(would.removed).toEqual([expect.stringContaining(`object ${file}, `)]);
    expect(kindsLeft(rehearsal)).toEqual(["object"]);
    expect((await clean([file], place)).removed).toEqual(would.removed);
    expect(kindsLeft(rehearsal)).toEqual([]);
    await expect(clean([file], place)).rejects.toMatchObject({ code: "cloud/not-found" });
    await expect(clean([file])).rejects.toMatchObject({ code: "usage/arguments" });
    expect(context.events).toContainEqual(expect.objectContaining({ type: "step-progress", id: "hash" }));
  });

  test("import, launch, look at it, terminate, clean: nothing is left", async () => {
    const verbs = await playVerbs(name);
    const { rehearsal, context, access, place } = verbs;
    const { image, existed, run, left } = await verbs.import();
    expect({ existed, left }).toEqual({ existed: false, left: [] });
    expect(image.name).toMatch(/^importable-[0-9a-f]{12}$/);
    expect(kindsLeft(rehearsal).filter((kind) => kind !== "snapshot")).toEqual(["image"]);
    expect(showRun(run, context)).toMatchObject({ state: "done", scope: { cloud: name } });
    const again = await verbs.import();
    expect(again).toMatchObject({ existed: true, image: { id: image.id } });

    const images = await listCloudImages(place, context, access);
    expect(images).toMatchObject([{ id: image.id, state: "available", run }]);
    expect(imageTable(images, rehearsal.clock.now())).toMatch(
      new RegExp(`^ID .*\\n${image.id} +available +importable-`),
    );

    const launched = await verbs.launch(image.id);
    expect(launched.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(launched.endsAtMs - rehearsal.clock.now()).toBeGreaterThan(6000_000);
    const told = context.events.flatMap((event) => (event.type === "log" ? event.message : []));
    expect(told).toContainEqual(expect.stringMatching(/^launching .* (CNY|USD) an hour$/));
    const key = readFileSync(launched.keyPath as string, "utf8");
    expect(key).toContain("OPENSSH PRIVATE KEY");
    const instances = await listCloudInstances(place, context, access);
    expect(instances).toMatchObject([{ id: launched.id, state: "running", run: launched.run }]);
    expect(instanceTable(instances, rehearsal.clock.now())).toContain(launched.address);

    // What is running on purpose is not what somebody has left behind.
    expect(await verbs.clean([])).toMatchObject({ removed: [], left: [] });
    const [ended] = await verbs.terminate([launched.id]);
    expect(ended).toEqual({ id: launched.id, run: launched.run, left: [] });
    expect(existsSync(launched.keyPath as string)).toBe(false);
    expect(kindsLeft(rehearsal).filter((kind) => kind !== "snapshot")).toEqual(["image"]);
    expect(await listCloudInstances(place, context, access)).toEqual([]);

    expect(await verbs.clean([image.id], place)).toMatchObject({ removed: [`image ${image.id}`] });
    expect(kindsLeft(rehearsal)).toEqual([]);
  });

  test("import of an object that is there already: it is the owner's, and stays", async () => {
    const { upload, import: run, rehearsal, place, clean } = await playVerbs(name);
    const { bucket, key } = await upload();
    const { image } = await run(`${bucket}/${key}`, { name: "from-store", family: "probes", diskSize: "1GiB" });
    expect(image.name).toBe("from-store");
    expect(kindsLeft(rehearsal).filter((kind) => kind !== "snapshot")).toEqual(["image", "object"]);
    await clean([image.id], place);
    expect(kindsLeft(rehearsal)).toEqual(["object"]);
  });

  test("console and screenshot: as far as the cloud has them", async () => {
    const verbs = await playVerbs(name);
    const { context, access, place, directory, rehearsal } = verbs;
    const { image } = await verbs.import();
    const { id, run } = await verbs.launch(image.id);
    // Alibaba's console is what it kept at the start.
    const console = () => cloudConsole(id, place, context, access);
    const screen = () => cloudScreenshot(id, join(directory, "screen"), place, context, access);
    if (name === "tencent")
      await expect(console()).rejects.toMatchObject({
        code: "cloud/refused",
        problems: [{ hint: expect.stringContaining("VNC") }],
      });
    else expect((await console()).lines.join("\n")).toMatch(/cloudimg-init|Linux|^$/);
    if (name === "alibaba") {
      await screen();
      expect(readFileSync(join(directory, "screen")).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
    } else await expect(screen()).rejects.toMatchObject({ code: "cloud/refused" });
    // The run's id, or its start, is as good as the instance's.
    const { removed, left } = await verbs.clean([run.slice(0, -2)]);
    expect(left).toEqual([]);
    expect(removed).toContainEqual(`instance ${id}`);
    await verbs.clean([image.id], place);
    expect(kindsLeft(rehearsal)).toEqual([]);
  });

  test("ids that nobody knows, with those that are near", async () => {
    const verbs = await playVerbs(name);
    const { context, access, place } = verbs;
    const { image } = await verbs.import();
    const { id } = await verbs.launch(image.id);
    const typo = (text: string) => `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}`;
    const near = (text: string) => ({ code: "cloud/not-found", problems: [{ hint: `did you mean "${text}"?` }] });
    await expect(verbs.launch(typo(image.id))).rejects.toMatchObject(near(image.id));
    await expect(verbs.terminate([id, typo(id)])).rejects.toMatchObject(near(id));
    await expect(verbs.clean([typo(image.id)], place)).rejects.toMatchObject(near(image.id));
    if (name !== "tencent")
      await expect(cloudConsole(typo(id), place, context, access)).rejects.toMatchObject(near(id));
    expect(await listCloudInstances(place, context, access)).toMatchObject([{ id, state: "running" }]);
    await verbs.terminate([id]);
  });

  test("sold out everywhere: nothing is left, and what helps is said", async () => {
    const verbs = await playVerbs(name, { troubles: ["sold-out"] });
    const { image } = await verbs.import();
    await expect(verbs.launch(image.id)).rejects.toMatchObject({
      code: "cloud/sold-out",
      problems: [{ hint: expect.stringContaining("--spot") }],
    });
    await verbs.clean([image.id], verbs.place);
    expect(kindsLeft(verbs.rehearsal)).toEqual([]);
  });

  test("an import that fails tells the cloud's reason, and leaves nothing", async () => {
    const verbs = await playVerbs(name, { troubles: ["import-fails"] });
    const failed = (file: string) => ({
      code: "cloud/import-failed",
      problems: [{ hint: expect.stringContaining(`cloudimg check ${file} --for ${name} `) }],
    });
    await expect(verbs.import()).rejects.toMatchObject(failed(verbs.path));
    expect(kindsLeft(verbs.rehearsal)).toEqual([]);
    const [run] = listRuns(verbs.context);
    expect(run).toMatchObject({ state: "failed" });
    const { bucket, key } = await verbs.upload();
    await expect(verbs.import(`${bucket}/${key}`, { diskSize: "1GiB" })).rejects.toMatchObject(failed("FILE"));
    expect(kindsLeft(verbs.rehearsal)).toEqual(["object"]);
  });

  test("what others have made is listed when asked for, and not touched", async () => {
    const verbs = await playVerbs(name);
    const { cloud, context, access, place, path } = verbs;
    const untagged = {
      ...verbs,
      cloud: {
        ...cloud,
        images: {
          ...cloud.images,
          import: (request: Parameters<typeof cloud.images.import>[0]) =>
            cloud.images.import({ ...request, tags: { theirs: "yes" } as never }, context),
        },
      },
    };
    const theirs = await imported(untagged, path, "theirs");
    expect(await listCloudImages(place, context, access)).toEqual([]);
    expect(await listCloudImages({ ...place, all: true }, context, access)).toMatchObject([{ id: theirs.id }]);
    await expect(verbs.clean([theirs.id], place)).rejects.toMatchObject({ code: "cloud/refused" });
    expect(await listCloudImages({ ...place, all: true }, context, access)).toHaveLength(1);
  });
});

describe("before anything is asked of a cloud", () => {
  test("what is missing or wrong is said, with what helps", async () => {
    const verbs = await playVerbs("tencent");
    const { context, rehearsal, directory } = verbs;
    const problem = async (work: Promise<unknown>) => {
      const error = await work.then(
        () => expect.unreachable(),
        (thrown: { code: string; problems: [{ hint?: string }] }) => thrown,
      );
      return `${error.code}: ${error.problems[0].hint ?? ""}`;
    };
    const without = { provider: "tencent", region: "ap-guangzhou" } as const;
    expect(await problem(uploadImage(verbs.path, without, context))).toMatch(/usage\/arguments: add --bucket/);
    expect(await problem(importImage(verbs.path, without, context))).toMatch(/usage\/arguments: add --bucket/);
    expect(await problem(importImage("out/x.qcow2", { ...without, bucket: "b" }, context))).toMatch(/^usage\/file/);
    expect(await problem(listCloudImages(without, context))).toMatch(/no-credentials: set TENCENTCLOUD_SECRET_ID/);
    const { credentials, connection } = rehearsal;
    const nowhere = {
      connection,
      credentials: { ...credentials, accessKeyId: "a", origin: "test", region: undefined },
    };
    expect(await problem(listCloudImages({ provider: "tencent" }, context, nowhere as CloudAccess))).toMatch(
      /usage\/arguments: add --region/,
    );
    expect(await problem(verbs.upload({ key: "a b" }))).toMatch(/^usage\/arguments/);
    expect(await problem(verbs.launch("img-1", { lifetime: "soon" }))).toMatch(/^usage\/arguments/);
    expect(await problem(verbs.launch("img-1", { lifetime: "48h" }))).toMatch(/^usage\/arguments/);
    expect(await problem(verbs.import(undefined, { name: "9 lives" }))).toMatch(/^usage\/arguments/);
    expect(await problem(verbs.clean(["nothing"]))).toMatch(/^usage\/arguments/);
    expect(await problem(verbs.clean([], { byTags: true }))).toMatch(/^usage\/arguments/);
    writeFileSync(join(directory, "empty.qcow2"), "");
    expect(await problem(uploadImage(join(directory, "empty.qcow2"), { ...without, bucket: "b" }, context))).toMatch(
      /^usage\/file/,
    );
    expect(rehearsal.made()).toEqual([]);
  });

  test("an image that the cloud would refuse is not uploaded, unless it shall be", async () => {
    const verbs = await playVerbs("alibaba");
    const bad = await importableImage(verbs.directory, { hasRoot: false }, "bad");
    await expect(verbs.import(bad)).rejects.toMatchObject({ code: "cloud/not-ready" });
    expect(verbs.rehearsal.made()).toEqual([]);
    await verbs.import(bad, { check: false }).catch(() => {});
    expect(verbs.rehearsal.made().map(({ kind }) => kind)).toContain("image");
  });
});

test("keys: the user's own, several, or one that is made", async () => {
  const orders: { publicKeyLine: string | undefined; userData: string }[] = [];
  const onStart = ({
    publicKeyLine,
    userData,
  }: {
    publicKeyLine: string | undefined;
    userData: Uint8Array | undefined;
  }) => void orders.push({ publicKeyLine, userData: Buffer.from(userData ?? "").toString() });
  const verbs = await playVerbs("alibaba", { machines: answeringMachines({ onStart }) });
  const line = (letter: string) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${letter.repeat(43)} ${letter}@host`;
  const [one, two] = ["one.pub", "two.pub"].map((name) => join(verbs.directory, name)) as [string, string];
  writeFileSync(one, `${line("A")}\n`);
  writeFileSync(two, `${line("B")}\n`);
  writeFileSync(join(verbs.directory, "one"), "the private one");
  const { image } = await verbs.import();
  const { id, keyPath } = await verbs.launch(image.id, { key: [one, two] });
  expect(keyPath).toBe(join(verbs.directory, "one"));
  expect(orders[0]?.publicKeyLine).toContain("A".repeat(43));
  expect(orders[0]?.userData).toContain(line("B"));
  await verbs.terminate([id]);
});
