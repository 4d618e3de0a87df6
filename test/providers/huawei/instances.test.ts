import { afterEach, expect, test } from "vitest";
import type { InstanceRequest, Offer, Resource } from "../../../src/providers/cloud.ts";
import { reclaimServer } from "../../../src/rehearsal/huawei/server-end.ts";
import { ledgerOf } from "../../../src/rehearsal/huawei/world.ts";
import {
  importRequest,
  instanceRequest,
  type Run,
  type RunOptions,
  region,
  rehearse,
  settle,
  tags,
} from "./huawei-run.ts";

const runs: Run[] = [];
afterEach(async () => {
  const done = runs.splice(0);
  await Promise.all(done.map(({ close }) => close()));
  for (const { server, clock } of done) {
    clock.close();
    expect(server.defects()).toEqual([]);
  }
});

async function begin(options?: RunOptions) {
  const run = await rehearse(options);
  runs.push(run);
  const image = await settle(run, await run.cloud.images.import(importRequest, run.context));
  const request = instanceRequest(run, image.id);
  const ledger: Resource[] = [];
  const made = async (resource: Resource) => {
    ledger.push(resource);
  };
  return {
    ...run,
    image,
    request,
    ledger,
    offers: () => run.cloud.instances.offers(request, run.context),
    launch: (offer: Offer, more: Partial<InstanceRequest> = {}) =>
      run.cloud.instances.launch({ ...request, ...more }, offer, made, run.context),
    /** As the journal does it: what is busy, again later. */
    async cleanUp(resources: readonly Resource[] = ledger) {
      let left = resources;
      for (let tries = 0; left.length > 0 && tries < 10; tries++) {
        const busy: Resource[] = [];
        for (const resource of left) {
          await run.cloud.instances.remove(resource, run.context).catch((error: { code?: string }) => {
            if (error.code !== "cloud/busy") throw error;
            busy.push(resource);
          });
        }
        left = busy;
        if (left.length > 0) await run.clock.sleep(20_000, run.context.signal);
      }
      expect(left).toEqual([]);
      await run.cloud.images.remove(image, run.context);
    },
  };
}

const offer: Offer = { instanceType: "s6.medium.2", zone: "cn-north-4a", isSpot: false };

test("offers are what suits and is on sale, the smallest first", async () => {
  const { cloud, request, context } = await begin();
  const list = async (more: Partial<InstanceRequest>) =>
    (await cloud.instances.offers({ ...request, ...more }, context)).map(
      ({ instanceType, zone }) => `${instanceType} ${zone.slice(-1)}`,
    );
  expect(await list({})).toEqual([
    "s6.small.1 b",
    ...["a", "b", "c"].map((zone) => `s6.medium.2 ${zone}`),
    ...["a", "b", "c"].map((zone) => `c7.large.2 ${zone}`),
  ]);
  expect((await list({ isSpot: true }))[0]).toBe("s6.medium.2 a");
  expect(await list({ cpus: 2, memoryBytes: 3e9 })).toEqual(["c7.large.2 a", "c7.large.2 b", "c7.large.2 c"]);
  expect((await list({ architecture: "arm64" }))[0]).toBe("kc1.small.1 a");
  expect(await list({ cpus: 99 })).toEqual([]);
});

test("only the flavors that are named, in their order, without those that are sold out", async () => {
  const { cloud, request, context } = await begin();
  const offers = async (...instanceTypes: string[]) =>
    (await cloud.instances.offers({ ...request, instanceTypes }, context)).map(
      ({ instanceType, zone }) => `${instanceType} ${zone.slice(-1)}`,
    );
  expect(await offers("pi2.2xlarge.4", "s6.small.1")).toEqual([
    ...["a", "b", "c"].map((zone) => `pi2.2xlarge.4 ${zone}`),
    "s6.small.1 b",
  ]);
  await expect(offers("s6.smal.1")).rejects.toMatchObject({
    code: "cloud/not-found",
    message: "cannot launch an instance of s6.smal.1: cn-north-4 has no such machine for amd64",
    problems: [{ hint: 'did you mean "s6.small.1"?' }],
  });
  await expect(offers("kc1.small.1")).rejects.toMatchObject({ code: "cloud/not-found" });
});

test("billing is asked once what the flavors and the disk cost, and nothing depends on it", async () => {
  const { cloud, request, context, served, world } = await begin();
  const [first] = await cloud.instances.offers(request, context);
  // 1 vCPU, 1 GiB, and 10 GiB of disk.
  expect(first?.price).toEqual({ perHour: 0.16, currency: "CNY" });
  const asked = () => served.filter(({ operation }) => operation === "bss.ListOnDemandResourceRatings");
  expect(asked()).toHaveLength(1);
  expect((await cloud.instances.offers({ ...request, isSpot: true }, context))[0]?.price).toBeUndefined();
  expect(asked()).toHaveLength(1);
  for (const fault of [
    { kind: "drop" },
    { kind: "error", code: "CBC.0151" },
    { kind: "status", status: 503 },
  ] as const) {
    world.faults.add({ on: "bss.*", fault });
    const offers = await cloud.instances.offers(request, context);
    expect(offers[0]).toMatchObject({ instanceType: "s6.small.1" });
    expect(offers[0]?.price).toBeUndefined();
  }
});

test("an instance is launched with all that it needs, and goes with all of it", async () => {
  const run = await begin();
  const { cloud, context, world, ledger, served } = run;
  const instance = await run.launch(offer);
  expect(instance).toMatchObject({
    state: "running",
    publicAddresses: [expect.stringMatching(/^203\.0\.113\./)],
    privateAddresses: [expect.stringMatching(/^192\.168\.0\./)],
  });
  expect(instance.tags).toMatchObject(tags);
  expect(ledger.map(({ kind }) => kind)).toEqual(["security-group", "key-pair", "instance", "address"]);
  const body = JSON.parse(
    served.find(({ operation }) => operation === "ecs.CreatePostPaidServers")?.request.body.toString() ?? "{}",
  );
  expect(body.server).toMatchObject({
    flavorRef: "s6.medium.2",
    availability_zone: "cn-north-4a",
    root_volume: { volumetype: "GPSSD", size: 10 },
    publicip: { delete_on_termination: true },
    extendparam: { chargingMode: 0 },
    user_data: Buffer.from("#cloud-config\n").toString("base64"),
    auto_terminate_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/),
  });
  expect(await cloud.instances.find({ id: instance.id }, context)).toEqual([{ ...instance, tags: expect.any(Object) }]);
  expect((await cloud.instances.find({ tags }, context)).map(({ id }) => id)).toEqual([instance.id]);
  expect(await cloud.instances.find({ tags: { "cloudimg:run": "another" } }, context)).toEqual([]);
  expect(await cloud.instances.find({ id: "nobody" }, context)).toEqual([]);
  await run.cleanUp();
  const deleted = served.find(({ operation }) => operation === "ecs.DeleteServers")?.request.body.toString();
  expect(JSON.parse(deleted ?? "")).toEqual({
    servers: [{ id: instance.id }],
    delete_publicip: true,
    delete_volume: true,
  });
  expect(ledgerOf(world)).toEqual([]);
});

test("the same launch after a lost answer is one instance", async () => {
  const run = await begin();
  const { world } = run;
  for (const operation of [
    "ecs.CreatePostPaidServers",
    "vpc.CreateSecurityGroup",
    "vpc.CreateSecurityGroupRule",
    "ecs.NovaCreateKeypair",
  ])
    world.faults.add({ on: operation, fault: { kind: "lost" }, times: 1 });
  const first = await run.launch(offer);
  const again = await run.launch(offer);
  expect(again.id).toBe(first.id);
  expect([world.servers.size, world.securityGroups.size, world.keyPairs.length]).toEqual([1, 1, 1]);
  await run.cleanUp();
  expect(ledgerOf(world)).toEqual([]);
});

test("what the list does not know: sold out when it is tried. The next offer works, and what the first left is removed", async () => {
  const run = await begin();
  const { world, ledger } = run;
  world.flavors
    .get(region)
    ?.find(({ id }) => id === "s6.medium.2")
    ?.emptyZones.add("cn-north-4a");
  const error = await run.launch(offer).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "cloud/sold-out", vendorCode: "Ecs.0319" });
  // Nothing is left of it that would have to be removed before another is tried.
  expect([world.servers.size, world.volumes.size, world.eips.size]).toEqual([0, 0, 0]);
  expect(ledger.map(({ kind }) => kind)).not.toContain("instance");
  const sold = { ...offer, instanceType: "s6.small.1" };
  await expect(run.launch(sold)).rejects.toMatchObject({ code: "cloud/sold-out" });
  expect((await run.launch({ ...offer, zone: "cn-north-4b" })).state).toBe("running");
  await run.cleanUp();
  expect(ledgerOf(world)).toEqual([]);
});

test("when disks of one kind are sold out, another is taken", async () => {
  const run = await begin();
  run.world.faults.add({ on: "ecs.CreatePostPaidServers", fault: { kind: "error", code: "Ecs.0044" }, times: 1 });
  await run.launch(offer);
  expect([...run.world.volumes.values()].map(({ type }) => type)).toEqual(["SAS"]);
});

test("an image that needs 40 GB gets them", async () => {
  const run = await begin({ leastMinDisk: 40 });
  await run.launch(offer);
  expect([...run.world.volumes.values()].map(({ sizeGib }) => sizeGib)).toEqual([40]);
});

test("without a default network it makes its own, and removes it", async () => {
  const run = await begin({ hasDefaultVpc: false });
  await run.launch(offer);
  expect(run.ledger.map(({ kind }) => kind)).toEqual([
    "network",
    "subnet",
    "security-group",
    "key-pair",
    "instance",
    "address",
  ]);
  await run.cleanUp();
  expect(ledgerOf(run.world)).toEqual([]);
});

test("a run whose records are lost is found by tags and names, and only that run", async () => {
  const run = await begin({ hasDefaultVpc: false });
  const { cloud, context, world } = run;
  await run.launch(offer);
  const other = { tags: { ...tags, "cloudimg:run": "r-1a2b3" }, token: "other" };
  await run.launch(offer, other);
  const found = await cloud.instances.resources({ run: "r-1a2b" }, context);
  expect(found.map(({ kind }) => kind).sort()).toEqual(["instance", "key-pair", "network", "security-group", "subnet"]);
  expect(new Set(found.map(({ run }) => run))).toEqual(new Set(["r-1a2b"]));
  await run.cleanUp(found);
  expect(world.servers.size).toBe(1);
  const rest = await cloud.instances.resources({}, context);
  expect(new Set(rest.map(({ run }) => run))).toEqual(new Set(["r-1a2b3"]));
  await run.cleanUp(rest);
  expect(ledgerOf(world)).toEqual([]);
});

test("an address that outlived its instance is found and removed", async () => {
  const run = await begin();
  const { cloud, context, world } = run;
  const { id } = await run.launch(offer);
  const eip = [...world.eips.values()][0];
  world.eips.set(eip?.id ?? "", { ...(eip as NonNullable<typeof eip>), endsWithServer: false });
  await reclaimServer(world, id);
  expect(await cloud.instances.find({ id }, context)).toEqual([]);
  const found = await cloud.instances.resources({ run: "r-1a2b" }, context);
  expect(found.map(({ kind }) => kind)).toContain("address");
  await run.cleanUp(found);
  expect(ledgerOf(world)).toEqual([]);
});

test("the cloud itself ends what we forget, with its address and disk", async () => {
  const run = await begin();
  await run.launch(offer, { endsAtMs: run.clock.now() });
  expect(run.world.servers.size).toBe(1);
  run.clock.advance(33 * 60_000);
  expect([run.world.servers.size, run.world.eips.size, run.world.volumes.size]).toEqual([0, 0, 0]);
});

test("what a launch that was called off has begun is found; it is busy while it is being made, and then removed", async () => {
  const run = await begin({ delays: { launchMs: 120_000 } });
  const { world, cloud, context, clock } = run;
  const controller = new AbortController();
  clock.after(5_000, () => controller.abort(new Error("Ctrl-C")));
  const made = async () => {};
  const launching = cloud.instances.launch(run.request, offer, made, { ...context, signal: controller.signal });
  await expect(launching).rejects.toThrow("Ctrl-C");
  const found = await cloud.instances.resources({ run: "r-1a2b" }, context);
  const [instance] = found.filter(({ kind }) => kind === "instance");
  expect([...world.servers.values()][0]?.status).toBe("BUILD");
  await expect(cloud.instances.remove(instance as Resource, context)).rejects.toMatchObject({ code: "cloud/busy" });
  await run.cleanUp(found);
  expect(ledgerOf(world)).toEqual([]);
});

test.each([
  ["nova", "ecs.NovaGetConsoleOutput"],
  ["v1", "ecs.ShowServerConsoleOutput"],
  ["none", undefined],
] as const)("console: where it is offered as %s", async (way, operation) => {
  const instanceFactory = async () => ({ console: async () => "line 1\nready\n", stop: async () => {} });
  const run = await begin({ console: way, instanceFactory });
  const { id } = await run.launch(offer);
  const { console } = await run.cloud.instances.evidence(id, run.context);
  expect(console).toBe(operation === undefined ? undefined : "line 1\nready\n");
  if (operation !== undefined) expect(run.served.at(-1)?.operation).toBe(operation);
});

test("a spot instance is asked for as one", async () => {
  const run = await begin();
  await run.launch({ ...offer, isSpot: true });
  expect([...run.world.servers.values()][0]?.isSpot).toBe(true);
});

test("quotas say so", async () => {
  const run = await begin({ quotas: { instances: 0 } });
  await expect(run.launch(offer)).rejects.toMatchObject({ code: "cloud/quota", vendorCode: "Ecs.0001" });
  const groups = await begin({ quotas: { securityGroups: 0 } });
  await expect(groups.launch(offer)).rejects.toMatchObject({ code: "cloud/quota" });
});
