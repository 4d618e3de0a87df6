import { describe, expect, test } from "vitest";
import { alibabaCapabilities } from "../../../src/providers/alibaba/cloud.ts";
import type { Offer, Resource } from "../../../src/providers/cloud.ts";
import { storeDialects } from "../../../src/providers/dialects.ts";
import type { EcsFault } from "../../../src/rehearsal/alibaba/faults.ts";
import { availableImage, importRequest, instanceRequest, makeWorld, tags, type World } from "./world.ts";

const nothing = async () => {};

async function launched(world: World, more: Parameters<typeof instanceRequest>[2] = {}) {
  const image = await availableImage(world);
  const request = instanceRequest(world, image.id, more);
  const [offer] = await world.cloud.instances.offers(request, world.context);
  const made: Resource[] = [];
  const remember = async (resource: Resource) => void made.push(resource);
  const instance = await world.cloud.instances.launch(request, offer as Offer, remember, world.context);
  return { image, request, offer: offer as Offer, made, instance };
}

/** As a run does: again while the cloud is busy. */
async function removeAll(world: World, made: readonly Resource[]) {
  const refusals: string[] = [];
  for (const resource of [...made].reverse()) {
    for (let tries = 0; tries < 20; tries++) {
      try {
        await world.cloud.instances.remove(resource, world.context);
        break;
      } catch (error) {
        refusals.push(`${resource.kind} ${(error as { code: string }).code}`);
        world.clock.advance(5000);
      }
    }
  }
  return refusals;
}

describe("offers", () => {
  test("the cheapest first, with their prices", async () => {
    const world = await makeWorld();
    const image = await availableImage(world);
    const offers = await world.cloud.instances.offers(instanceRequest(world, image.id), world.context);
    expect(offers[0]).toEqual({
      instanceType: "ecs.t6-c1m1.large",
      zone: "cn-hangzhou-h",
      isSpot: false,
      price: { perHour: 0.302, currency: "CNY" },
    });
    const prices = offers.map(({ price }) => price?.perHour ?? 0);
    expect(prices).toEqual([...prices].sort((a, b) => a - b));
    expect(offers.some(({ instanceType }) => instanceType === "ecs.c8i.large")).toBe(true);
  });

  test("only the types that are named, in their order, without those that are sold out", async () => {
    const world = await makeWorld();
    const image = await availableImage(world);
    const offers = async (...instanceTypes: string[]) =>
      (await world.cloud.instances.offers(instanceRequest(world, image.id, { instanceTypes }), world.context)).map(
        ({ instanceType, zone }) => `${instanceType} ${zone.at(-1)}`,
      );
    world.ecs.state.stock.set("ecs.c6.xlarge", "cn-hangzhou-h", 0);
    expect(await offers("ecs.c6.xlarge", "ecs.t6-c1m1.large")).toEqual([
      "ecs.c6.xlarge i",
      "ecs.t6-c1m1.large h",
      "ecs.t6-c1m1.large i",
    ]);
    await expect(offers("ecs.g6.larg")).rejects.toMatchObject({
      code: "cloud/not-found",
      problems: [{ hint: expect.stringContaining('"ecs.g6.large"') }],
    });
  });

  test("spot instances cost less", async () => {
    const world = await makeWorld();
    const image = await availableImage(world);
    const request = instanceRequest(world, image.id, { isSpot: true });
    const [offer] = await world.cloud.instances.offers(request, world.context);
    expect(offer).toMatchObject({ isSpot: true, price: { perHour: 0.107 } });
  });

  test("neither what is sold out nor what the image cannot run on", async () => {
    const world = await makeWorld();
    const image = await availableImage(world, { hasNvme: false });
    const { stock } = world.ecs.state;
    stock.set("ecs.t6-c1m1.large", "cn-hangzhou-h", 0);
    stock.set("ecs.t6-c1m2.large", "cn-hangzhou-h", 0);
    stock.set("ecs.t6-c1m2.large", "cn-hangzhou-i", 0);
    const offers = await world.cloud.instances.offers(instanceRequest(world, image.id), world.context);
    expect(offers[0]).toMatchObject({ instanceType: "ecs.t6-c1m1.large", zone: "cn-hangzhou-i" });
    const types = offers.map(({ instanceType }) => instanceType);
    expect(types).not.toContain("ecs.t6-c1m2.large");
    expect(types).not.toContain("ecs.c8i.large");
  });

  test("Arm machines for an Arm image", async () => {
    const world = await makeWorld();
    const more = { architecture: "arm64", firmware: "uefi" } as const;
    const image = await availableImage(world, more);
    const offers = await world.cloud.instances.offers(instanceRequest(world, image.id, more), world.context);
    expect(new Set(offers.map(({ instanceType }) => instanceType))).toEqual(
      new Set(["ecs.c8y.large", "ecs.g8y.large"]),
    );
  });
});

describe("launch", () => {
  test("with all that it needs, told of one by one, and the dead-man's switch", async () => {
    const world = await makeWorld();
    const { cloud, clock, context, ecs } = world;
    const { made, instance, request } = await launched(world);
    expect(made.map(({ kind, name }) => [kind, name])).toEqual([
      ["security-group", "demo-run-1"],
      ["key-pair", "demo-run-1"],
      ["instance", "demo-run-1"],
    ]);
    const sent = Object.fromEntries(ecs.calls().find(({ action }) => action === "RunInstances")?.parameters ?? []);
    expect(Date.parse(sent["AutoReleaseTime"] ?? "")).toBe(Math.ceil(request.endsAtMs / 60_000) * 60_000);
    expect(sent).toMatchObject({
      "SystemDisk.Size": "20",
      InternetMaxBandwidthOut: "5",
      UserData: Buffer.from("#cloud-config\n").toString("base64"),
    });
    const [order] = [...ecs.state.instances.values()].map(({ order }) => order);
    expect(order).toMatchObject({ openPorts: [22, 80], publicKey: request.publicKeyLine });
    clock.advance(2000);
    expect(await cloud.instances.find({ id: instance.id }, context)).toMatchObject([{ state: "pending" }]);
    clock.advance(10_000);
    expect(await cloud.instances.find({ id: instance.id }, context)).toMatchObject([
      { state: "running", publicAddresses: ["203.0.113.10"], privateAddresses: ["172.16.0.10"], tags },
    ]);
  });

  test("nothing is left; what is busy at first is told so", async () => {
    const world = await makeWorld();
    const { made, image } = await launched(world);
    const refusals = await removeAll(world, made);
    expect(refusals).toContain("instance cloud/busy");
    expect(refusals).toContain("security-group cloud/busy");
    await world.cloud.images.remove(image, world.context);
    expect(world.ecs.ledger()).toEqual([]);
    // All of it is gone already.
    expect(await removeAll(world, made)).toEqual([]);
  });

  test("a security group that was just made is not known yet: it is asked again", async () => {
    const world = await makeWorld();
    await launched(world);
    const calls = world.ecs.calls().filter(({ action }) => action === "AuthorizeSecurityGroup");
    expect(calls[0]?.answer).toMatchObject({ Code: "InvalidSecurityGroupId.NotFound" });
    expect(calls.at(-1)?.status).toBe(200);
  });

  test("the same request again makes nothing twice", async () => {
    const world = await makeWorld();
    const { request, offer, instance, made } = await launched(world);
    const again: Resource[] = [];
    const remember = async (resource: Resource) => void again.push(resource);
    const second = await world.cloud.instances.launch(request, offer, remember, world.context);
    expect(second.id).toBe(instance.id);
    expect(again).toEqual(made);
  });

  test.each<[string, EcsFault]>([
    ["the answer is lost", "lose-answer"],
    ["the connection is cut", "drop"],
    ["the service is overloaded", { status: 503, code: "ServiceUnavailable" }],
    ["the service throttles", { status: 400, code: "Throttling.User" }],
  ])("each call fails once: %s", async (_, fault) => {
    const failed = new Set<string>();
    const world = await makeWorld({
      fault({ action }) {
        if (failed.has(action)) return undefined;
        failed.add(action);
        return fault;
      },
    });
    const { made, image } = await launched(world);
    expect(made.map(({ kind }) => kind)).toEqual(["security-group", "key-pair", "instance"]);
    expect(world.ecs.ledger().filter(({ kind }) => kind === "instance")).toHaveLength(1);
    await removeAll(world, made);
    await world.cloud.images.remove(image, world.context);
    expect(world.ecs.ledger()).toEqual([]);
  });

  test("sold out after it was offered: another offer of the same request works", async () => {
    const world = await makeWorld();
    const image = await availableImage(world);
    const request = instanceRequest(world, image.id);
    const [first, second] = (await world.cloud.instances.offers(request, world.context)) as [Offer, Offer];
    world.ecs.state.stock.set(first.instanceType, first.zone, 0);
    await expect(world.cloud.instances.launch(request, first, nothing, world.context)).rejects.toMatchObject({
      code: "cloud/sold-out",
      message: expect.stringContaining("OperationDenied.NoStock"),
    });
    expect(await world.cloud.instances.launch(request, second, nothing, world.context)).toMatchObject({
      state: "pending",
    });
  });

  test("in an account without a network, one is made; all of it is found by the run and removed", async () => {
    const world = await makeWorld({ hasDefaultNetwork: false });
    const { image } = await launched(world);
    world.clock.advance(10_000);
    for (const wanted of [{ run: "run-1" }, {}]) {
      const found = await world.cloud.instances.resources(wanted, world.context);
      expect(found.map(({ kind, run }) => [kind, run])).toEqual(
        ["instance", "security-group", "key-pair", "subnet", "network"].map((kind) => [kind, "run-1"]),
      );
    }
    expect(await world.cloud.instances.resources({ run: "other" }, world.context)).toEqual([]);
    const found = await world.cloud.instances.resources({}, world.context);
    // In the order in which they depend on each other.
    await removeAll(world, [...found].reverse());
    await world.cloud.images.remove(image, world.context);
    expect(world.ecs.ledger()).toEqual([]);
  });

  test("zones that are tried one after the other share the run's network", async () => {
    const world = await makeWorld({ hasDefaultNetwork: false });
    const image = await availableImage(world);
    const request = instanceRequest(world, image.id);
    const offers = await world.cloud.instances.offers(request, world.context);
    const zones = [...new Map(offers.map((offer) => [offer.zone, offer])).values()];
    expect(zones.length).toBeGreaterThan(1);
    for (const [at, offer] of zones.entries()) {
      world.ecs.state.stock.set(offer.instanceType, offer.zone, 0);
      const attempt = world.cloud.instances.launch({ ...request, token: `try-${at}` }, offer, nothing, world.context);
      await expect(attempt).rejects.toMatchObject({ code: "cloud/sold-out" });
    }
    expect(world.ecs.state.vpcs.size).toBe(1);
    expect(world.ecs.state.vSwitches.size).toBe(zones.length);
  });

  test("networks of the account's own are left alone", async () => {
    const world = await makeWorld();
    const { vSwitches } = world.ecs.state;
    for (const [id, one] of vSwitches) vSwitches.set(id, { ...one, isDefault: false, name: "production" });
    const theirs = new Set(vSwitches.keys());
    await launched(world);
    const [instance] = world.ecs.state.instances.values();
    expect(theirs.has(instance?.vSwitchId ?? "")).toBe(false);
  });

  test("the shortest life still suffices when all that comes before the launch takes minutes", async () => {
    const world = await makeWorld();
    const image = await availableImage(world);
    const endsAtMs = world.clock.now() + alibabaCapabilities.leastEndMs;
    const request = instanceRequest(world, image.id, { endsAtMs });
    const [offer] = await world.cloud.instances.offers(request, world.context);
    world.clock.advance(4 * 60_000);
    const instance = await world.cloud.instances.launch(request, offer as Offer, nothing, world.context);
    expect(instance.state).toBe("pending");
  });

  test("the cloud ends the instance itself when its time is over", async () => {
    const world = await makeWorld();
    const { instance } = await launched(world);
    world.clock.advance(46 * 60_000);
    expect(await world.cloud.instances.find({ id: instance.id }, world.context)).toEqual([]);
  });

  test("user data as long as it may be, and a byte more", async () => {
    const world = await makeWorld();
    const mostBytes = alibabaCapabilities.userDataBytes;
    const most = new Uint8Array(mostBytes).fill(97);
    const { instance } = await launched(world, { userData: most });
    expect(world.ecs.state.instances.get(instance.id)?.order.userData).toHaveLength(most.length);
    const { imageId } = instanceRequest(world, [...world.ecs.state.images.keys()][0] as string);
    const request = instanceRequest(world, imageId, { userData: new Uint8Array(mostBytes + 1), token: "other" });
    const offer = { instanceType: "ecs.c6.large", zone: "cn-hangzhou-h", isSpot: false };
    await expect(world.cloud.instances.launch(request, offer, nothing, world.context)).rejects.toMatchObject({
      message: expect.stringContaining("InvalidUserData.SizeExceeded"),
    });
  });

  test("a key pair of the same name with another key is not taken for ours", async () => {
    const world = await makeWorld();
    const { request, offer } = await launched(world);
    const other = { ...request, publicKeyLine: "ssh-ed25519 AAAAOther run" };
    await expect(world.cloud.instances.launch(other, offer, nothing, world.context)).rejects.toMatchObject({
      code: "cloud/name-taken",
    });
  });

  test("a spot instance that is taken back says so before it goes", async () => {
    const world = await makeWorld();
    const { instance } = await launched(world, { isSpot: true });
    world.clock.advance(20_000);
    world.ecs.reclaim(instance.id);
    const [found] = await world.cloud.instances.find({ id: instance.id }, world.context);
    expect(found).toMatchObject({ state: "running", reason: expect.stringContaining("Recycling") });
    world.clock.advance(6 * 60_000);
    expect(await world.cloud.instances.find({ tags }, world.context)).toEqual([]);
  });
});

describe("evidence", () => {
  const machine = {
    console: async () => "[    0.000000] Linux ✓\n",
    screenshot: async () => new Uint8Array([0xff, 0xd8, 1, 2]),
    stop: nothing,
  };

  test("the console with its time, and the screen, even if asked for twice", async () => {
    const world = await makeWorld({ instanceFactory: async () => machine });
    const { instance } = await launched(world);
    world.clock.advance(20_000);
    for (const _ of [1, 2]) {
      const evidence = await world.cloud.instances.evidence(instance.id, world.context);
      expect(evidence).toMatchObject({
        console: "[    0.000000] Linux ✓\n",
        screenshot: { format: "jpg", bytes: new Uint8Array([0xff, 0xd8, 1, 2]) },
      });
      expect(Math.abs((evidence.consoleAtMs ?? 0) - world.clock.now())).toBeLessThan(60_000);
    }
  });

  test("at the end it is stopped, since what is kept of the console may be older than its last lines", async () => {
    let printed = "booting\n";
    const world = await makeWorld({ instanceFactory: async () => ({ ...machine, console: async () => printed }) });
    const { instance } = await launched(world);
    world.clock.advance(20_000);
    const evidence = async (isLast: boolean) =>
      await world.cloud.instances.evidence(instance.id, world.context, { isLast, hasScreenshot: isLast });
    expect(await evidence(false)).toEqual({ console: "booting\n", consoleAtMs: expect.any(Number) });
    printed += "ready\n";
    expect(await evidence(false)).toMatchObject({ console: "booting\n" });
    expect(await evidence(true)).toMatchObject({ console: "booting\nready\n", screenshot: { format: "jpg" } });
    expect(world.ecs.calls().filter(({ action }) => action === "StopInstance")).toHaveLength(1);
    expect(await world.cloud.instances.find({ id: instance.id }, world.context)).toMatchObject([{ state: "stopped" }]);
    expect(world.ecs.calls().filter(({ action }) => action === "GetInstanceScreenshot")).toHaveLength(1);
  });

  test("without the right to stop it, what there was before is kept", async () => {
    const world = await makeWorld({
      instanceFactory: async () => machine,
      fault: ({ action }) => (action === "StopInstance" ? { status: 403, code: "Forbidden.RAM" } : undefined),
    });
    const { instance } = await launched(world);
    world.clock.advance(20_000);
    expect(await world.cloud.instances.evidence(instance.id, world.context, { isLast: true })).toMatchObject({
      console: "[    0.000000] Linux ✓\n",
      screenshot: { format: "jpg" },
    });
  });

  test("of an instance that does not run yet, or is gone, there is none", async () => {
    const world = await makeWorld();
    const { instance } = await launched(world);
    expect(await world.cloud.instances.evidence(instance.id, world.context)).toEqual({});
    expect(await world.cloud.instances.evidence("i-gone", world.context)).toEqual({});
  });
});

test("what the table says of unsigned bodies is what the store does", () => {
  expect(alibabaCapabilities.unsignedPayload).toBe(storeDialects.alibaba.hasUnsignedPayload);
});

test("the name of an import needs no handle that survived", async () => {
  const world = await makeWorld();
  await availableImage(world, importRequest({ name: "kept" }));
  expect(await world.cloud.images.find({ name: "kept" }, world.context)).toHaveLength(1);
});
