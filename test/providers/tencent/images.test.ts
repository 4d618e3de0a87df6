import { describe, expect, test } from "vitest";
import { importedImage, importRequest, rehearse, tags } from "../../rehearsal/tencent-fixture.ts";

describe("import", () => {
  test("by force, as a system that Tencent lists, with tags, from the bucket's own host", async () => {
    const { cloud, context, asked, bucket } = await rehearse();
    const handle = await cloud.images.import(importRequest(), context);
    const [call] = asked("ImportImage");
    expect(call?.request).toMatchObject({
      Architecture: "x86_64",
      OsType: "Other Linux",
      OsVersion: "-",
      ImageUrl: `https://${bucket}.cos.ap-guangzhou.myqcloud.com/cloudimg/abc.qcow2`,
      Force: true,
      BootMode: "Legacy BIOS",
      TagSpecification: [
        { ResourceType: "image", Tags: expect.arrayContaining([{ Key: "cloudimg:run", Value: "run-1" }]) },
      ],
    });
    expect(handle).toEqual({ imageId: expect.stringMatching(/^img-/), name: "appliance", region: "ap-guangzhou" });
  });

  test("by the signed link, for UEFI, for ARM", async () => {
    const { cloud, context, asked } = await rehearse();
    const url = "https://signed.example/x?q-signature=1";
    await cloud.images.import(importRequest({ url, firmware: "uefi", architecture: "arm64" }), context);
    expect(asked("ImportImage")[0]?.request).toMatchObject({
      ImageUrl: url,
      BootMode: "UEFI",
      Architecture: "arm_64",
    });
  });

  test("is pending, then available", async () => {
    const { cloud, context, clock, world } = await rehearse();
    const handle = await cloud.images.import(importRequest(), context);
    clock.advance(world.delays.unseenMs);
    expect(await cloud.images.find({ handle }, context)).toMatchObject([{ state: "pending", name: "appliance", tags }]);
    clock.advance(world.delays.importMs);
    expect(await cloud.images.find({ handle }, context)).toMatchObject([
      { state: "available", region: "ap-guangzhou", parts: [{ kind: "snapshot" }] },
    ]);
  });

  test("fails without a reason in the API: we say where it is", async () => {
    const examine = async () => ({ failure: "VirtioNotInstall" });
    const { cloud, context, clock, world } = await rehearse({ examine });
    const handle = await cloud.images.import(importRequest(), context);
    clock.advance(world.delays.importMs);
    const [image] = await cloud.images.find({ handle }, context);
    expect(image?.state).toBe("failed");
    expect(image?.reason).toMatch(/IMPORTFAILED.*account's owner/);
    expect(image?.reason).not.toContain("Virtio");
    expect(world.mail).toEqual([expect.stringContaining("VirtioNotInstall")]);
  });

  test.each(["lost", "drop", "InternalError"])("is made once when the first answer is %s", async (what) => {
    const { cloud, context, world } = await rehearse();
    world.faults.push({ action: "ImportImage", what, times: 1 });
    const handle = await cloud.images.import(importRequest(), context);
    expect(world.images).toHaveLength(1);
    expect(handle.imageId).toBe(world.images[0]?.id);
  });

  test.each(["lost", "drop", "InternalError"])("a link that was sent in vain (%s) is not sent again", async (what) => {
    let links = 0;
    const url = async () => `https://signed.example/x?q-signature=${++links}`;
    const visited: string[] = [];
    const examine = async (link: string) => {
      visited.push(link);
      return {};
    };
    const { cloud, context, asked, world } = await rehearse({ examine });
    world.faults.push({ action: "ImportImage", what, times: 2 });
    await cloud.images.import(importRequest({ url }), context);
    const sent = asked("ImportImage").flatMap(({ request }) => request["ImageUrl"] ?? []);
    expect(new Set(sent).size).toBe(sent.length);
    expect(visited).toHaveLength(1);
    expect(world.images).toHaveLength(1);
  });

  test("takes the place of an earlier try that failed", async () => {
    const failures = ["VirtioNotInstall"];
    const examine = async () => ({ failure: failures.pop() });
    const { cloud, context, clock, world } = await rehearse({ examine });
    await cloud.images.import(importRequest(), context);
    clock.advance(world.delays.importMs);
    const handle = await cloud.images.import(importRequest(), context);
    expect(world.images.map(({ id }) => id)).toEqual([handle.imageId]);
  });

  test("a name that is taken by another image is an error, in our words and Tencent's", async () => {
    const { cloud, context } = await rehearse();
    await cloud.images.import(importRequest({ tags: { "cloudimg:run": "other", "cloudimg:image": "other" } }), context);
    const attempt = cloud.images.import(importRequest(), context);
    await expect(attempt).rejects.toMatchObject({
      code: "cloud/name-taken",
      message: expect.stringMatching(
        /^cannot import the image appliance: .*InvalidImageName\.Duplicate: .*\(ImportImage, request [0-9a-f-]{36}\)$/,
      ),
    });
  });

  test("riscv64 is refused before anything is asked", async () => {
    const { cloud, context, calls } = await rehearse();
    const attempt = cloud.images.import(importRequest({ architecture: "riscv64" }), context);
    await expect(attempt).rejects.toMatchObject({ code: "image/unsupported" });
    expect(calls).toEqual([]);
  });
});

describe("find", () => {
  test("by name the whole name, by tags all of them", async () => {
    const rehearsal = await rehearse();
    const { cloud, context } = rehearsal;
    const image = await importedImage(rehearsal);
    await importedImage(rehearsal, { name: "appliance-2", tags: { ...tags, "cloudimg:run": "run-2" } });
    const ids = async (wanted: Parameters<typeof cloud.images.find>[0]) =>
      (await cloud.images.find(wanted, context)).map(({ name }) => name);
    expect(await ids({ name: "appliance" })).toEqual(["appliance"]);
    expect(await ids({ tags: { "cloudimg:image": "abc" } })).toEqual(["appliance", "appliance-2"]);
    expect(await ids({ tags: { "cloudimg:image": "abc", "cloudimg:run": "run-2" } })).toEqual(["appliance-2"]);
    expect(await ids({ handle: { imageId: image.id, name: "", region: image.region } })).toEqual(["appliance"]);
    expect(await ids({ region: "ap-shanghai" })).toEqual([]);
  });

  test("more than a page", async () => {
    const rehearsal = await rehearse({ imageQuota: 300 });
    const image = await importedImage(rehearsal);
    const template = rehearsal.world.images[0];
    if (template === undefined) throw new Error("no image");
    for (let count = 1; count < 205; count++) {
      rehearsal.world.images.push({ ...template, id: `img-${String(count).padStart(8, "0")}`, name: `n${count}` });
    }
    const found = await rehearsal.cloud.images.find({}, rehearsal.context);
    expect(new Set(found.map(({ id }) => id)).size).toBe(205);
    expect(found[0]?.id).toBe(image.id);
  });
});

describe("copy", () => {
  test("goes to the region, and gets its tags there", async () => {
    const rehearsal = await rehearse();
    const { cloud, context, clock, world } = rehearsal;
    const image = await importedImage(rehearsal);
    const handle = await cloud.images.copy(image, "ap-shanghai", { name: "appliance", tags, token: "t" }, context);
    clock.advance(world.delays.copyMs / 2);
    expect(await cloud.images.find({ handle }, context)).toMatchObject([{ state: "pending", percent: 50, tags }]);
    clock.advance(world.delays.copyMs);
    const copy = { state: "available", region: "ap-shanghai", percent: undefined };
    expect(await cloud.images.find({ handle }, context)).toMatchObject([copy]);
    const again = await cloud.images.copy(image, "ap-shanghai", { name: "appliance", tags, token: "t" }, context);
    expect(again).toEqual(handle);
    expect(world.images).toHaveLength(2);
  });

  test.each(["lost", "drop"])("is made once when the answer is %s", async (what) => {
    const rehearsal = await rehearse();
    const { cloud, context, world } = rehearsal;
    const image = await importedImage(rehearsal);
    const copy = () => cloud.images.copy(image, "ap-shanghai", { name: "appliance", tags, token: "t" }, context);
    world.faults.push({ action: "SyncImages", what, times: 1 });
    // Nothing was done: then that is said, for the caller to ask again.
    if (what === "drop") await expect(copy()).rejects.toMatchObject({ code: "cloud/unreachable" });
    const handle = await copy();
    expect(world.images.map(({ id }) => id)).toEqual([image.id, handle.imageId]);
    expect(world.images[1]?.tags).toHaveLength(2);
  });

  test("never takes an image that is not ours for the copy", async () => {
    const rehearsal = await rehearse();
    const { cloud, context, world } = rehearsal;
    const image = await importedImage(rehearsal);
    const [record] = world.images;
    if (record !== undefined) {
      // Without tags, and older than what it would be a copy of.
      const createdMs = record.createdMs - 1000;
      world.images.push({ ...record, createdMs, id: "img-00000001", region: "ap-shanghai", tags: [] });
    }
    const attempt = cloud.images.copy(image, "ap-shanghai", { name: "appliance", tags, token: "t" }, context);
    await expect(attempt).rejects.toMatchObject({ code: "cloud/name-taken" });
  });

  test("without the right to tag it is there all the same, with a warning", async () => {
    const rehearsal = await rehearse();
    const { cloud, context, world } = rehearsal;
    const image = await importedImage(rehearsal);
    world.faults.push({ action: "TagResources", what: "UnauthorizedOperation", times: 1 });
    const handle = await cloud.images.copy(image, "ap-shanghai", { name: "appliance", tags, token: "t" }, context);
    expect(handle.imageId).toBe(world.images[1]?.id);
    expect(context.events).toContainEqual(expect.objectContaining({ type: "log", level: "warning" }));
  });
});

test("family, deprecation and sharing; what is shared is taken back when it is removed", async () => {
  const rehearsal = await rehearse();
  const { cloud, context, world } = rehearsal;
  const image = await importedImage(rehearsal);
  const change = { family: "web", isDeprecated: true, shareWith: ["100000000001", "100000000002"] };
  await cloud.images.change(image, { shareWith: ["100000000001"] }, context);
  await cloud.images.change(image, change, context);
  expect(world.images[0]).toMatchObject({ family: "web", isDeprecated: true, sharedWith: change.shareWith });
  expect(await cloud.images.find({ name: image.name }, context)).toMatchObject([{ family: "web", isDeprecated: true }]);
  await cloud.images.remove(image, context);
  expect(world.images).toEqual([]);
  await cloud.images.remove(image, context);
});

test("an image that is still imported cannot be removed yet", async () => {
  const { cloud, context, clock, world } = await rehearse();
  const handle = await cloud.images.import(importRequest(), context);
  clock.advance(world.delays.unseenMs);
  const [image] = await cloud.images.find({ handle }, context);
  if (image === undefined) throw new Error("no image");
  await expect(cloud.images.remove(image, context)).rejects.toMatchObject({ code: "cloud/busy" });
  clock.advance(world.delays.importMs);
  await cloud.images.remove(image, context);
  expect(world.images).toEqual([]);
});
