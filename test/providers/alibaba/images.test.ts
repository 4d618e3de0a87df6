import { describe, expect, test } from "vitest";
import { availableImage, importRequest, makeWorld, region, tags } from "./world.ts";

describe("import", () => {
  test("from the request to an image that is available, seen all the way", async () => {
    const world = await makeWorld();
    const { cloud, clock, context, ecs } = world;
    const handle = await cloud.images.import(importRequest(), context);
    expect(handle).toEqual({
      imageId: expect.stringMatching(/^m-/),
      taskId: expect.stringMatching(/^t-/),
      name: "demo-1",
      region,
    });
    clock.advance(30_000);
    const [pending] = await cloud.images.find({ handle }, context);
    expect(pending).toMatchObject({ state: "pending", percent: 50, name: "demo-1", tags, parts: [] });
    clock.advance(40_000);
    await new Promise(setImmediate);
    const [image] = await cloud.images.find({ handle }, context);
    expect(image).toMatchObject({ state: "available", percent: 100, isDeprecated: false });
    expect(image?.parts).toEqual([{ kind: "snapshot", id: expect.stringMatching(/^s-/) }]);
    const sent = Object.fromEntries(ecs.calls().find(({ action }) => action === "ImportImage")?.parameters ?? []);
    expect(sent).toMatchObject({
      "DiskDeviceMapping.1.Format": "QCOW2",
      "DiskDeviceMapping.1.OSSBucket": "images",
      "DiskDeviceMapping.1.OSSObject": "a/b c.qcow2",
      // Of 3 GiB; one of the references wants 5 at least.
      "DiskDeviceMapping.1.DiskImageSize": "5",
      "Features.NvmeSupport": "supported",
      BootMode: "BIOS",
      Platform: "Others Linux",
      "Tag.1.Key": "cloudimg:run",
    });
  });

  test.each([
    ["", undefined],
    ["x", undefined],
    ["https://example.com says more", "example.com says more"],
    ["d".repeat(300), "d".repeat(256)],
  ])("a description that the import would refuse is made one that it takes: %j", async (description, sent) => {
    const world = await makeWorld();
    await world.cloud.images.import(importRequest({ description }), world.context);
    const call = world.ecs.calls().find(({ action }) => action === "ImportImage");
    expect(call?.parameters.get("Description")).toBe(sent);
  });

  test("the same token makes no second image, even if the first answer was lost", async () => {
    let calls = 0;
    const world = await makeWorld({
      fault: ({ action }) => (action === "ImportImage" && calls++ === 0 ? "lose-answer" : undefined),
    });
    const { cloud, context, ecs } = world;
    const first = await cloud.images.import(importRequest(), context);
    expect(await cloud.images.import(importRequest(), context)).toEqual(first);
    expect(calls).toBe(3);
    expect(ecs.ledger().map(({ kind }) => kind)).toEqual(["image"]);
  });

  test.each([
    ["another format than was said", { format: "RAW", virtualSizeBytes: 1 }, /RAW, not QCOW2 \(InvalidImageFormat/],
    ["a larger disk", { format: "QCOW2", virtualSizeBytes: 6 * 1024 ** 3 }, /larger.*\(InvalidImageSize\)/],
  ] as const)("fails late with the task's reason: %s", async (_, facts, reason) => {
    const { cloud, clock, context } = await makeWorld({ facts: () => facts });
    const handle = await cloud.images.import(importRequest(), context);
    clock.advance(120_000);
    await new Promise(setImmediate);
    const [image] = await cloud.images.find({ handle }, context);
    expect(image).toMatchObject({ state: "failed", reason: expect.stringMatching(reason) });
    // The task is found from the image when nothing else is known.
    const [again] = await cloud.images.find({ tags }, context);
    expect(again?.reason).toBe(image?.reason);
    await cloud.images.remove(image as NonNullable<typeof image>, context);
    expect(await cloud.images.find({ handle }, context)).toEqual([]);
  });

  test.each([
    [{ object: { ...importRequest().object, bucket: "elsewhere" } }, "cloud/refused", "InvalidOSSBucket.NotMatched"],
    [{ object: { ...importRequest().object, key: "none" } }, "cloud/refused", "InvalidOSSObject.NotFound"],
    [{ name: "1" }, "cloud/refused", "InvalidImageName.Malformed"],
    [{ architecture: "riscv64" }, "cloud/refused", "RISC-V"],
    [{ architecture: "arm64" }, "cloud/refused", "UEFI"],
    [{ format: "vmdk" }, "cloud/refused", "does not read vmdk"],
  ] as const)("refused at once: %j", async (more, code, words) => {
    const { cloud, context } = await makeWorld();
    await expect(cloud.images.import(importRequest(more), context)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
  });

  test("what the vendor said is kept: message, code and request id", async () => {
    const world = await makeWorld();
    await availableImage(world);
    const again = world.cloud.images.import(importRequest({ token: "other" }), world.context);
    await expect(again).rejects.toMatchObject({
      code: "cloud/name-taken",
      message: expect.stringMatching(
        /^cannot import demo-1: The specified ImageName is already used \(InvalidImageName\.Duplicated, request [0-9A-F-]{36}\)$/,
      ),
    });
  });
});

describe("an image that is there", () => {
  test("is found by name, by tags, by both, and in its region only", async () => {
    const world = await makeWorld();
    const { cloud, context } = world;
    const { id } = await availableImage(world);
    const ids = async (wanted: Parameters<typeof cloud.images.find>[0]) =>
      (await cloud.images.find(wanted, context)).map((image) => image.id);
    expect(await ids({ name: "demo-1" })).toEqual([id]);
    expect(await ids({ tags: { "cloudimg:run": "run-1" } })).toEqual([id]);
    expect(await ids({ name: "demo-1", tags: { "cloudimg:run": "other" } })).toEqual([]);
    expect(await ids({ name: "demo-1", region: "cn-beijing" })).toEqual([]);
  });

  test("goes with its snapshot; removing it again does nothing", async () => {
    const world = await makeWorld();
    const image = await availableImage(world);
    expect(world.ecs.ledger().map(({ kind }) => kind)).toEqual(["image", "snapshot"]);
    await world.cloud.images.remove({ ...image, parts: [] }, world.context);
    expect(world.ecs.ledger()).toEqual([]);
    await world.cloud.images.remove(image, world.context);
  });

  test("its import is called off when it is removed meanwhile", async () => {
    const { cloud, clock, context, ecs } = await makeWorld();
    const handle = await cloud.images.import(importRequest(), context);
    clock.advance(5000);
    const [image] = await cloud.images.find({ handle }, context);
    await cloud.images.remove(image as NonNullable<typeof image>, context);
    clock.advance(120_000);
    await new Promise(setImmediate);
    expect(ecs.ledger()).toEqual([]);
  });

  test("is copied, and both are removed", async () => {
    const world = await makeWorld();
    const { cloud, clock, context, ecs } = world;
    const image = await availableImage(world);
    const request = { name: "demo-1", tags, token: "copy" };
    const handle = await cloud.images.copy(image, "cn-beijing", request, context);
    expect(await cloud.images.copy(image, "cn-beijing", request, context)).toEqual(handle);
    expect(handle).toMatchObject({ region: "cn-beijing", name: "demo-1" });
    clock.advance(45_000);
    expect((await cloud.images.find({ handle }, context))[0]).toMatchObject({ state: "pending", percent: 50 });
    clock.advance(60_000);
    const [copy] = await cloud.images.find({ handle }, context);
    expect(copy).toMatchObject({ state: "available", region: "cn-beijing" });
    await cloud.images.remove(copy as NonNullable<typeof copy>, context);
    await cloud.images.remove(image, context);
    expect(ecs.ledger()).toEqual([]);
  });

  test("is shared ten accounts at a time, put into a family, and unshared before it is deprecated", async () => {
    const world = await makeWorld();
    const { cloud, context, ecs } = world;
    const image = await availableImage(world);
    const shareWith = Array.from({ length: 23 }, (_, at) => String(1000 + at));
    await cloud.images.change(image, { shareWith, family: "demo" }, context);
    expect(ecs.state.images.get(image.id)?.sharedWith).toEqual(shareWith);
    await cloud.images.change(image, { isDeprecated: true }, context);
    expect(ecs.state.images.get(image.id)).toMatchObject({ sharedWith: [], status: "Deprecated", family: "demo" });
    const [found] = await cloud.images.find({ name: "demo-1" }, context);
    expect(found).toMatchObject({ state: "available", isDeprecated: true, family: "demo" });
    await cloud.images.change(image, { isDeprecated: false }, context);
    expect((await cloud.images.find({ name: "demo-1" }, context))[0]?.isDeprecated).toBe(false);
  });
});
