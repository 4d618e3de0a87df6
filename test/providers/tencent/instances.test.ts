import { describe, expect, test } from "vitest";
import { ledgerOf } from "../../../src/rehearsal/tencent/world.ts";
import { importedImage, instanceRequest, launched, rehearse, rsaLine, tags } from "../../rehearsal/tencent-fixture.ts";

const edLine = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4 run";

describe("offers", () => {
  test("cheapest first, as a whole, without what is sold out, too small, of another kind", async () => {
    const rehearsal = await rehearse();
    const { cloud, context } = rehearsal;
    const image = await importedImage(rehearsal);
    const offers = await cloud.instances.offers(instanceRequest(rehearsal, image.id), context);
    const prices = offers.map(({ price }) => price?.perHour ?? 0);
    expect(prices).toEqual([...prices].sort((a, b) => a - b));
    expect(offers[0]).toEqual({
      instanceType: "S5.SMALL1",
      zone: "ap-guangzhou-1",
      isSpot: false,
      // 0.12 and 20 GiB of disk.
      price: { perHour: 0.13, currency: "CNY" },
    });
    const types = offers.map(({ instanceType, zone }) => `${instanceType} ${zone.at(-1)}`);
    expect(types).toContain("S5.SMALL2 2");
    expect(types).not.toContain("S5.SMALL2 1");
    expect(types.join()).not.toMatch(/GN7|SR1/);
  });

  test("only the types that are named, in their order, without those that are sold out", async () => {
    const rehearsal = await rehearse();
    const image = await importedImage(rehearsal);
    const offers = async (...instanceTypes: string[]) =>
      (
        await rehearsal.cloud.instances.offers(
          instanceRequest(rehearsal, image.id, { instanceTypes }),
          rehearsal.context,
        )
      ).map(({ instanceType, zone }) => `${instanceType} ${zone.at(-1)}`);
    expect(await offers("S5.SMALL2", "S5.SMALL1")).toEqual(["S5.SMALL2 2", "S5.SMALL1 1", "S5.SMALL1 2"]);
    await expect(offers("S5.SMALL1", "S5.SMALL3")).rejects.toMatchObject({
      code: "cloud/not-found",
      problems: [{ hint: 'did you mean "S5.SMALL1" or "S5.SMALL2"?' }],
    });
  });

  test("for ARM, with memory, as spot", async () => {
    const rehearsal = await rehearse();
    const image = await importedImage(rehearsal);
    const request = instanceRequest(rehearsal, image.id, {
      architecture: "arm64",
      memoryBytes: 4 * 2 ** 30,
      isSpot: true,
    });
    const offers = await rehearsal.cloud.instances.offers(request, rehearsal.context);
    expect(offers.map(({ instanceType, isSpot }) => [instanceType, isSpot])).toEqual([
      ["SR1.MEDIUM4", true],
      ["SR1.MEDIUM4", true],
    ]);
  });

  test("what turns out to be sold out when its price is asked for is left out", async () => {
    const rehearsal = await rehearse();
    const { cloud, context, world } = rehearsal;
    const image = await importedImage(rehearsal);
    for (const item of world.stock.get("ap-guangzhou") ?? []) item.isThere = item.instanceType !== "S5.SMALL1";
    const offers = await cloud.instances.offers(instanceRequest(rehearsal, image.id), context);
    expect(offers.map(({ instanceType }) => instanceType)).not.toContain("S5.SMALL1");
    expect(offers.length).toBeGreaterThan(0);
  });
});

describe("launch", () => {
  test("with only the ports asked for, a key pair, a public address, a dead-man's switch, a token and tags", async () => {
    const rehearsal = await rehearse();
    const { world, asked, made } = rehearsal;
    const { instance, request: wanted } = await launched(rehearsal, { userData: Buffer.from("#cloud-config\n") });
    const { request } = asked("RunInstances")[0] ?? {};
    expect(request).toMatchObject({
      InstanceChargeType: "POSTPAID_BY_HOUR",
      Placement: { Zone: "ap-guangzhou-1" },
      SystemDisk: { DiskSize: 20 },
      InternetAccessible: { PublicIpAssigned: true, InternetChargeType: "TRAFFIC_POSTPAID_BY_HOUR" },
      LoginSettings: { KeyIds: [world.keyPairs[0]?.id] },
      SecurityGroupIds: [world.securityGroups[0]?.id],
      ActionTimer: { TimerAction: "TerminateInstances" },
      ClientToken: expect.stringMatching(/^[0-9a-f]{64}$/),
      UserData: Buffer.from("#cloud-config\n").toString("base64"),
    });
    expect(world.instances[0]?.endsAtMs).toBe(Math.floor(wanted.endsAtMs / 1000) * 1000);
    expect(world.keyPairs[0]?.publicKey).toBe(rsaLine);
    const [group] = world.securityGroups;
    expect(group?.ingress.map(({ Protocol, Port }) => `${Protocol} ${Port}`)).toEqual(["TCP 22", "TCP 80"]);
    expect(group?.egress).toMatchObject([{ Protocol: "ALL", Action: "ACCEPT" }]);
    expect(made.map(({ kind }) => kind)).toEqual(["security-group", "key-pair", "instance"]);
    expect(instance).toMatchObject({ id: made[2]?.id, state: "pending", tags });
  });

  test("goes from pending to running, with its addresses", async () => {
    const rehearsal = await rehearse();
    const { cloud, context, clock, world } = rehearsal;
    const { instance } = await launched(rehearsal);
    clock.advance(world.delays.unseenMs);
    const pending = { state: "pending", publicAddresses: [], privateAddresses: [] };
    expect(await cloud.instances.find({ id: instance.id }, context)).toMatchObject([pending]);
    clock.advance(world.delays.launchMs);
    expect(await cloud.instances.find({ tags }, context)).toMatchObject([
      { id: instance.id, state: "running", publicAddresses: [expect.stringMatching(/^203\.0\.113\./)], tags },
    ]);
    expect(await cloud.instances.evidence(instance.id, context)).toEqual({});
  });

  test("a group and a key pair that were just made are not known yet: it is asked again", async () => {
    const rehearsal = await rehearse();
    await launched(rehearsal);
    const refusals = rehearsal.asked("RunInstances").map(({ response }) => response["Error"]);
    expect(refusals[0]).toMatchObject({ Code: "InvalidSecurityGroupId.NotFound" });
    expect(refusals.at(-1)).toBeUndefined();
  });

  test("spot bids the current price and lets Tencent say it", async () => {
    const rehearsal = await rehearse();
    await launched(rehearsal, { isSpot: true });
    const { request } = rehearsal.asked("RunInstances")[0] ?? {};
    expect(request).toMatchObject({ InstanceChargeType: "SPOTPAID" });
    expect(request).not.toHaveProperty("InstanceMarketOptions");
  });

  test("a key that no key pair holds goes with the user data", async () => {
    const rehearsal = await rehearse();
    await launched(rehearsal, { publicKeyLine: edLine, userData: Buffer.from("#!/bin/sh\ntrue\n") });
    const { request } = rehearsal.asked("RunInstances")[0] ?? {};
    expect(request).toMatchObject({ LoginSettings: { KeepImageLogin: "TRUE" } });
    expect(rehearsal.world.keyPairs).toEqual([]);
    const sent = Buffer.from(rehearsal.world.instances[0]?.userData ?? "").toString();
    expect(sent).toContain("Content-Type: text/x-shellscript");
    expect(sent).toContain("Merge-Type: list(append)");
    expect(sent).toContain(edLine);
  });

  test("too much user data, or too short a life, is refused before anything is made", async () => {
    const rehearsal = await rehearse();
    const attempts = [{ userData: Buffer.alloc(16 * 1024 + 1) }, { endsAtMs: rehearsal.clock.now() + 60_000 }];
    for (const more of attempts) {
      await expect(launched(rehearsal, more)).rejects.toMatchObject({ code: "cloud/refused" });
      expect(rehearsal.made).toEqual([]);
      rehearsal.world.images.length = 0;
    }
  });

  test.each(["lost", "drop", "InternalServerError"])("once when the answer is %s", async (what) => {
    const rehearsal = await rehearse();
    const { world } = rehearsal;
    for (const action of ["RunInstances", "ImportKeyPair", "CreateSecurityGroupWithPolicies"])
      world.faults.push({ action, what, times: 1 });
    const { instance } = await launched(rehearsal);
    expect(world.instances.map(({ id }) => id)).toEqual([instance.id]);
    expect([world.securityGroups.length, world.keyPairs.length]).toEqual([1, 1]);
  });

  test("a second run of the same request takes what the first has made", async () => {
    const rehearsal = await rehearse();
    const { cloud, context, record, world, clock } = rehearsal;
    const { request, offer, instance } = await launched(rehearsal);
    clock.advance(world.delays.launchMs);
    const again = await cloud.instances.launch(request, { ...offer, zone: "ap-guangzhou-2" }, record, context);
    expect(again).toMatchObject({ id: instance.id, state: "running" });
    expect(world.instances).toHaveLength(1);
  });

  test.each([
    "ResourcesSoldOut.SpecifiedInstanceType",
    "ResourceInsufficient.AvailabilityZoneSoldOut",
    "ResourceUnavailable.InstanceType",
    "InvalidParameterValue.InsufficientPrice",
    "LimitExceeded.SpotQuota",
    "LimitExceeded.UserSpotQuota",
    "UnsupportedOperation.SpotUnsupportedRegion",
    "UnsupportedOperation.NoInstanceTypeSupportSpot",
    // The type of disk is left to Tencent, and a zone may have none for that machine; or the zone's subnet is full.
    "ResourceNotFound.NoDefaultCbs",
    "ResourceNotFound.NoDefaultCbsWithReason",
    "FailedOperation.NoAvailableIpAddressCountInSubnet",
    "InvalidParameterValue.ZoneNotSupported",
    "InvalidParameterValue.InvalidImageForGivenInstanceType",
  ])("%s lets the next offer be tried", async (what) => {
    const rehearsal = await rehearse();
    rehearsal.world.faults.push({ action: "RunInstances", what, times: 1 });
    await expect(launched(rehearsal)).rejects.toMatchObject({
      code: "cloud/sold-out",
      message: expect.stringContaining(what),
    });
  });

  test("a launch that fails later says why", async () => {
    const instanceFactory = () => Promise.reject(new Error("no host has room"));
    const rehearsal = await rehearse({ instanceFactory });
    const { instance } = await launched(rehearsal);
    rehearsal.clock.advance(60_000);
    expect(await rehearsal.cloud.instances.find({ id: instance.id }, rehearsal.context)).toMatchObject([
      { state: "failed", reason: expect.stringContaining("no host has room") },
    ]);
  });
});

describe("removal", () => {
  test("is refused at first, then takes a while; the group goes when the instance has gone; gone is no error", async () => {
    const rehearsal = await rehearse();
    const { cloud, context, clock, world, made } = rehearsal;
    const { image, instance } = await launched(rehearsal);
    const resource = made.find(({ kind }) => kind === "instance") ?? made[0];
    const group = made.find(({ kind }) => kind === "security-group") ?? made[0];
    if (resource === undefined || group === undefined) throw new Error("nothing was made");
    clock.advance(world.delays.unseenMs);
    const isBusy = (message: RegExp) => ({ code: "cloud/busy", message: expect.stringMatching(message) });
    await expect(cloud.instances.remove(resource, context)).rejects.toMatchObject(
      isBusy(/InstanceOperationInProgress/),
    );
    clock.advance(world.delays.settleMs);
    await expect(cloud.instances.remove(resource, context)).rejects.toMatchObject(isBusy(/still ending it/));
    expect(await cloud.instances.find({ id: instance.id }, context)).toMatchObject([{ state: "gone" }]);
    await expect(cloud.instances.remove(group, context)).rejects.toMatchObject(isBusy(/ResourceInUse/));
    clock.advance(world.delays.terminateMs);
    for (let time = 0; time < 2; time++) {
      for (const one of made) await cloud.instances.remove(one, context);
      await cloud.images.remove(image, context);
    }
    expect(ledgerOf(world)).toEqual([]);
  });

  test("an instance so new that nobody finds it is not taken for gone", async () => {
    const rehearsal = await rehearse();
    const { cloud, context, made, world } = rehearsal;
    await launched(rehearsal);
    const resource = made.at(-1);
    if (resource === undefined) throw new Error("nothing was made");
    await expect(cloud.instances.remove(resource, context)).rejects.toMatchObject({ code: "cloud/busy" });
    expect(world.instances).toHaveLength(1);
  });

  test("the dead-man's switch ends it without us", async () => {
    const rehearsal = await rehearse();
    const { clock, world } = rehearsal;
    const { request } = await launched(rehearsal);
    clock.advance(request.endsAtMs - clock.now() - 1000);
    expect(world.instances[0]?.state).toBe("RUNNING");
    clock.advance(1000);
    expect(world.instances[0]?.state).toBe("TERMINATING");
    clock.advance(world.delays.terminateMs);
    expect(world.instances).toEqual([]);
  });

  test("what a killed run has left is found by its tags", async () => {
    const rehearsal = await rehearse();
    const { cloud, context, clock, world, made } = rehearsal;
    await launched(rehearsal);
    clock.advance(world.delays.launchMs);
    const found = await cloud.instances.resources({ run: "run-1" }, context);
    const ids = (resources: readonly { readonly id: string }[]) => resources.map(({ id }) => id).sort();
    expect(ids(found)).toEqual(ids(made));
    expect(found.every(({ run, createdAt }) => run === "run-1" && createdAt !== undefined)).toBe(true);
    expect(ids(await cloud.instances.resources({}, context))).toEqual(ids(made));
    expect(await cloud.instances.resources({ run: "run-2" }, context)).toEqual([]);
  });
});
