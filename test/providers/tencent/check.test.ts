import { describe, expect, test } from "vitest";
import { credentialsOf, makeAccount } from "../../../src/rehearsal/accounts.ts";
import { importedImage, rehearse } from "../../rehearsal/tencent-fixture.ts";

const account = makeAccount("tencent", "test");

test("nothing is wrong", async () => {
  const { cloud, context } = await rehearse({}, { imageName: "appliance" });
  expect(await cloud.check(context)).toEqual([]);
});

describe("one problem", () => {
  test("wrong keys: nothing else is asked", async () => {
    const key = { ...account.key, secret: "wrong" };
    const { cloud, context, calls } = await rehearse({}, { credentials: credentialsOf(account, "ap-guangzhou", key) });
    const problems = await cloud.check(context);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.what).toContain("AuthFailure.SignatureFailure");
    expect(problems[0]?.steps.join()).toContain("console.cloud.tencent.com");
    expect(calls.map(({ action }) => action)).toEqual(["GetCallerIdentity"]);
  });

  test("a wrong clock", async () => {
    const { cloud, context, clock } = await rehearse();
    clock.setSkew(-10 * 60_000);
    expect((await cloud.check(context))[0]?.steps.join()).toContain("clock");
  });

  test("a region that there is not", async () => {
    const { cloud, context } = await rehearse({}, { region: "ap-guangzou" });
    const problems = await cloud.check(context);
    // Nothing else: there, all that is asked is refused.
    expect(problems.map(({ what }) => what)).toEqual(["Tencent Cloud has no region ap-guangzou"]);
    expect(problems.flatMap(({ steps }) => steps).join()).toContain('did you mean "ap-guangzhou"?');
  });

  test.each([
    ["images", /lacks the account's APPID/],
    ["images-1999999999", /belongs to another account/],
  ])("the bucket %s", async (bucket, message) => {
    const { cloud, context } = await rehearse({}, { bucket });
    const problems = await cloud.check(context);
    expect(problems).toMatchObject([{ what: expect.stringMatching(message) }]);
    expect(problems[0]?.steps).toEqual([`name it with its APPID: images-${account.appId}`]);
  });

  test("the quota", async () => {
    const rehearsal = await rehearse({ imageQuota: 1 });
    await importedImage(rehearsal);
    const problems = await rehearsal.cloud.check(rehearsal.context);
    expect(problems).toMatchObject([{ what: expect.stringContaining("all 1 images") }]);
  });

  test("a name that somebody else has taken", async () => {
    const rehearsal = await rehearse({}, { imageName: "appliance" });
    await importedImage(rehearsal);
    const [image] = rehearsal.world.images;
    if (image !== undefined) image.tags = [];
    const problems = await rehearsal.cloud.check(rehearsal.context);
    expect(problems).toMatchObject([{ what: expect.stringMatching(/the name appliance is taken/) }]);
  });

  test("a right that the keys lack, with the action to allow", async () => {
    const { cloud, context, world } = await rehearse();
    world.faults.push({ action: "ImportImage", what: "UnauthorizedOperation", times: 1 });
    const problems = await cloud.check(context);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.steps.join()).toContain("allows ImportImage");
  });
});

test("tags whose keys these credentials may not make are a problem before the upload", async () => {
  const { cloud, context, world } = await rehearse();
  world.faults.push({ action: "ImportImage", what: "InvalidParameterValue.TagKeyNotFound", times: 1 });
  const [problem] = await cloud.check(context);
  expect(problem?.steps.join()).toContain("cloudimg:run, cloudimg:image and cloudimg:profile");
});

test("all problems at once", async () => {
  const { cloud, context, world } = await rehearse({ imageQuota: 0 }, { bucket: "images" });
  world.faults.push({ action: "DescribeImportImageOs", what: "UnauthorizedOperation", times: 1 });
  expect(await cloud.check(context)).toHaveLength(3);
});
