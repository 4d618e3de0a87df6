import { afterEach, expect, test } from "vitest";
import { ledgerOf } from "../../../src/rehearsal/huawei/world.ts";
import { GiB, importRequest, type Run, type RunOptions, region, rehearse, settle, tags } from "./huawei-run.ts";

const runs: Run[] = [];
afterEach(async () => {
  const done = runs.splice(0);
  await Promise.all(done.map(({ close }) => close()));
  for (const { server, clock } of done) {
    clock.close();
    expect(server.defects()).toEqual([]);
  }
});

async function begin(options?: RunOptions): Promise<Run> {
  const run = await rehearse(options);
  runs.push(run);
  return run;
}

const bodiesOf = ({ served }: Run, operation: string) =>
  served.filter((call) => call.operation === operation).map(({ request }) => JSON.parse(request.body.toString()));

test("an image is imported, found by handle, name and tags, and removed", async () => {
  const run = await begin();
  const { cloud, context, world } = run;
  const handle = await cloud.images.import(importRequest, context);
  expect(handle).toEqual({ taskId: expect.any(String), name: "web-1a2b", region });
  expect((await cloud.images.find({ handle }, context))[0]).toMatchObject({ state: "pending", name: "web-1a2b" });
  const image = await settle(run, handle);
  expect(image).toMatchObject({ id: expect.any(String), state: "available", region, parts: [], isDeprecated: false });
  expect(bodiesOf(run, "ims.CreateImage")).toEqual([
    {
      name: "web-1a2b",
      description: "A test.",
      image_url: "images:web/1a2b.qcow2",
      os_version: "Other Linux(64 bit)",
      is_config: false,
      hw_firmware_type: "bios",
      architecture: "x86",
      type: "ECS",
      min_disk: 10,
      image_tags: [
        { key: "cloudimg_run", value: "r-1a2b" },
        { key: "cloudimg_image", value: tags["cloudimg:image"].slice(0, 43) },
        { key: "cloudimg_token", value: "token-1" },
      ],
    },
  ]);
  const found = await cloud.images.find({ name: "web-1a2b", tags }, context);
  expect(found.map(({ id }) => id)).toEqual([image.id]);
  // Values are cut short there: what was looked for comes back whole.
  expect(found[0]?.tags).toMatchObject(tags);
  expect(await cloud.images.find({ tags: { "cloudimg:run": "another" } }, context)).toEqual([]);
  expect(await cloud.images.find({ handle, name: "another" }, context)).toEqual([]);
  await cloud.images.remove(image, context);
  await cloud.images.remove(image, context);
  expect(ledgerOf(world)).toEqual([]);
});

test("where 10 GB are not enough for a system disk, it asks for 40", async () => {
  const run = await begin({ leastMinDisk: 40 });
  await settle(run, await run.cloud.images.import(importRequest, run.context));
  expect(bodiesOf(run, "ims.CreateImage").map(({ min_disk }) => min_disk)).toEqual([10, 40]);
});

test("a description with what the service refuses in it is sent without that", async () => {
  const run = await begin();
  await run.cloud.images.import({ ...importRequest, description: "two\nlines, <b>bold</b>" }, run.context);
  expect([...run.world.images.values()][0]?.description).toBe("two lines, bbold/b");
});

test("a disk larger than the least is asked for once, in whole GB", async () => {
  const run = await begin();
  await run.cloud.images.import({ ...importRequest, diskSizeBytes: 11.5 * GiB }, run.context);
  expect(bodiesOf(run, "ims.CreateImage").map(({ min_disk }) => min_disk)).toEqual([12]);
});

test("the same import again, also after an answer that was lost, is one import", async () => {
  const run = await begin();
  const { cloud, context, world } = run;
  world.faults.add({ on: "ims.CreateImage", fault: { kind: "lost" }, times: 1 });
  const handle = await cloud.images.import(importRequest, context);
  expect(handle.imageId).toBeDefined();
  const image = await settle(run, handle);
  expect(await cloud.images.import(importRequest, context)).toEqual({ imageId: image.id, name: image.name, region });
  expect(world.images.size).toBe(1);
  await expect(cloud.images.import({ ...importRequest, token: "token-2" }, context)).rejects.toMatchObject({
    code: "cloud/name-taken",
  });
});

test.each([
  ["missing", {}, "IMG.0057"],
  ["a b.qcow2", {}, "IMG.0175"],
  ["x", { bucket: "elsewhere" }, "IMG.0058"],
  ["x", { bucket: "nobodys" }, "IMG.0069"],
])("what the import refuses at once: %s %j", async (key, object, code) => {
  const run = await begin();
  const call = run.cloud.images.import(
    { ...importRequest, object: { ...importRequest.object, key, ...object } },
    run.context,
  );
  await expect(call).rejects.toMatchObject({
    code: "cloud/import-failed",
    vendorCode: code,
    message: expect.stringContaining(code),
  });
  expect(ledgerOf(run.world)).toEqual([]);
});

test("what it finds later is told with its reason, and may be tried again", async () => {
  let problem: { code: string; reason: string } | undefined = { code: "IMG.0057", reason: "There is no partition." };
  const examine = async () => ({
    format: "qcow2",
    virtualSizeBytes: GiB,
    fileSizeBytes: 1,
    ...(problem && { problem }),
  });
  const run = await begin({ examine });
  const failed = await settle(run, await run.cloud.images.import(importRequest, run.context));
  expect(failed).toMatchObject({ state: "failed", reason: "There is no partition. (IMG.0057)" });
  await run.cloud.images.remove(failed, run.context);
  problem = undefined;
  expect((await settle(run, await run.cloud.images.import(importRequest, run.context))).state).toBe("available");
});

test("an architecture or a firmware that is not to be had is refused before anything is asked", async () => {
  const { cloud, context, served } = await begin();
  for (const wrong of [{ architecture: "riscv64" }, { architecture: "arm64" }] as const)
    await expect(cloud.images.import({ ...importRequest, ...wrong }, context)).rejects.toMatchObject({
      code: "cloud/refused",
    });
  expect(served).toEqual([]);
});

test("arm64 takes one of the systems for it, or leaves it to the service", async () => {
  const run = await begin();
  await run.cloud.images.import({ ...importRequest, architecture: "arm64", firmware: "uefi" }, run.context);
  expect(bodiesOf(run, "ims.CreateImage")[0]).toMatchObject({ architecture: "arm", hw_firmware_type: "uefi" });
});

test("family and deprecation are tags; sharing is with projects", async () => {
  const run = await begin();
  const { cloud, context, world } = run;
  const image = await settle(run, await cloud.images.import(importRequest, context));
  const found = async () => (await cloud.images.find({ name: image.name }, context))[0];
  await cloud.images.change(image, { family: "web", isDeprecated: true, shareWith: ["p1", "p2"] }, context);
  expect(await found()).toMatchObject({ family: "web", isDeprecated: true });
  expect([...world.images.values()][0]?.sharedWith).toEqual(["p1", "p2"]);
  await cloud.images.change(image, { isDeprecated: false }, context);
  expect(await found()).toMatchObject({ family: "web", isDeprecated: false });
});

test.each([
  ["within the region", region],
  ["to another region", "cn-east-3"],
])("a copy %s has its tags when it is there", async (_, target) => {
  const run = await begin({ agency: "ims-copy", agencies: ["ims-copy"] });
  const { cloud, context, world } = run;
  const image = await settle(run, await cloud.images.import(importRequest, context));
  const request = { name: "web-copy", tags, token: "token-2" };
  const handle = await cloud.images.copy(image, target, request, context);
  const copy = await settle(run, handle);
  expect(copy).toMatchObject({ name: "web-copy", region: target, state: "available" });
  expect([...(world.images.get(copy.id)?.tags ?? [])]).toContainEqual(["cloudimg_run", "r-1a2b"]);
  const [again] = await cloud.images.find({ region: target, name: "web-copy", tags }, context);
  expect(again).toMatchObject({ id: copy.id, tags });
  expect(await cloud.images.copy(image, target, request, context)).toMatchObject({ imageId: copy.id });
  expect(world.images.size).toBe(2);
});

test("a copy elsewhere needs an agency", async () => {
  const run = await begin();
  const image = await settle(run, await run.cloud.images.import(importRequest, run.context));
  const call = run.cloud.images.copy(image, "cn-east-3", { name: "web-copy", tags, token: "t" }, run.context);
  await expect(call).rejects.toMatchObject({ code: "cloud/denied" });
});

test("storms of refusals, troubles and cut connections cost time only", async () => {
  const run = await begin();
  const { cloud, context, world } = run;
  world.faults.add({ on: "ims.ListOsVersions", fault: { kind: "status", status: 502 }, times: 2 });
  world.faults.add({ on: "ims.CreateImage", fault: { kind: "error", code: "IMG.0060" }, times: 3 });
  world.faults.add({ on: "ims.ShowJob", fault: { kind: "drop" }, times: 3 });
  world.faults.add({ on: "ims.ListImages", fault: { kind: "status", status: 503 }, times: 4 });
  expect((await settle(run, await cloud.images.import(importRequest, context))).state).toBe("available");
  expect(world.images.size).toBe(1);
});
