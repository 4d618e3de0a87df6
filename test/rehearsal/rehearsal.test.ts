import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { inspectImport } from "../../src/commands/import-inspector.ts";
import { clouds } from "../../src/providers/clouds.ts";
import { connectionOf } from "../../src/providers/led-connection.ts";
import { makeFaultPlan, parseFaultRule } from "../../src/rehearsal/faults.ts";
import type { MachineOrder } from "../../src/rehearsal/machine-maker.ts";
import { answeringMachines } from "./answering-machine.ts";
import { importableImage } from "./importable-image.ts";
import { cloudNames, imported, launched, open, type Played, play, removed, tidied } from "./rehearsal-fixture.ts";

/** Its thousands of files take a second to load, and half a minute on a machine that is busy. */
beforeAll(() => import("@alicloud/ecs20140526"), 180_000);

describe.each(cloudNames)("%s", (name) => {
  test("from the upload to the instance that answers, and nothing is left", async () => {
    const played = await play(name, { machines: answeringMachines() });
    const { rehearsal, cloud, context } = played;
    expect(rehearsal.left()).toEqual([]);
    expect((await cloud.check(context)).filter(({ severity }) => severity === "error")).toEqual([]);
    const image = await imported(played, await importableImage(played.directory));
    expect(image).toMatchObject({ name: "appliance", state: "available" });
    const { instance, made } = await launched(played, image.id);
    expect(instance.state).toBe("running");
    const [host = ""] = instance.publicAddresses;
    const greeting = await rehearsal.connection.dial({ host, port: 22 }, context.signal);
    expect(String(await new Promise((resolve) => greeting.once("data", resolve)))).toMatch(/^SSH-2\.0-/);
    greeting.destroy();
    const web = await rehearsal.connection.dial({ host, port: 80 }, context.signal);
    web.write("GET / HTTP/1.0\r\n\r\n");
    expect(String(await new Promise((resolve) => web.once("data", resolve)))).toMatch(/^HTTP\/1\.1 200/);
    web.destroy();
    const evidence = await cloud.instances.evidence(instance.id, context);
    if (cloud.capabilities.console === "text") expect(evidence.console).toContain("cloudimg-init: finished");
    expect(rehearsal.left().map(({ kind }) => kind)).toEqual(expect.arrayContaining(["object", "image", "instance"]));
    await tidied(played, image, made);
    expect(rehearsal.left()).toEqual([]);
    expect(rehearsal.made().map(({ kind }) => kind)).toEqual(expect.arrayContaining(made.map(({ kind }) => kind)));
  });

  test("an image that is none fails, and the vendor says why as far as it does", async () => {
    const played = await play(name, { inspect: inspectImport });
    const path = await importableImage(played.directory, { table: "none", hasRoot: false, format: "raw" });
    const { state, reason } = await imported(played, path);
    // Huawei takes any disk: that nothing is on it shows when it starts.
    if (name === "huawei") return expect(reason).toMatch(/IMG\.0057/);
    expect(state).toBe("failed");
    expect(reason).toMatch(name === "tencent" ? /only to the account's owner/ : /Malformed|ImportImageFailed/);
  });

  test("who may be reached: open ports, of addresses that somebody has", async () => {
    const played = await play(name, { machines: answeringMachines() });
    const { connection } = played.rehearsal;
    const { signal } = played.context;
    const { instance, made } = await launched(played, (await imported(played, await image(played))).id);
    const host = instance.publicAddresses[0] ?? "";
    await expect(connection.dial({ host, port: 8080 }, signal)).rejects.toMatchObject({ code: "ETIMEDOUT" });
    const unknown = { host: "203.0.113.253", port: 22 };
    await expect(connection.dial(unknown, signal)).rejects.toMatchObject({ code: "EHOSTUNREACH" });
    const hurried = connection.dial({ host, port: 8080 }, AbortSignal.timeout(50));
    await expect(hurried).rejects.toMatchObject({ name: "TimeoutError" });
    await removed(played, made);
    await expect(connection.dial({ host, port: 22 }, signal)).rejects.toMatchObject({ code: "EHOSTUNREACH" });
  });

  test("another process gets there by its environment", async () => {
    const played = await play(name, { machines: answeringMachines() });
    const { rehearsal, context } = played;
    const other = connectionOf({
      CLOUDIMG_RESOLVE: rehearsal.resolve.join(" "),
      CLOUDIMG_INSTANCE_PROXY: `http://127.0.0.1:${rehearsal.ports.proxy}`,
    });
    // Its own clock would take minutes.
    const connection = { ...other, now: rehearsal.clock.now, sleep: rehearsal.clock.sleep };
    const outside: Played = { ...played, ...(await open(rehearsal, { connection })) };
    const { instance } = await launched(outside, (await imported(outside, await image(played))).id);
    const host = instance.publicAddresses[0] ?? "";
    const socket = await connection.dial({ host, port: 22 }, context.signal);
    expect(String(await new Promise((resolve) => socket.once("data", resolve)))).toMatch(/^SSH-2\.0-/);
    socket.destroy();
    const unknown = { host: "203.0.113.253", port: 22 };
    await expect(connection.dial(unknown, context.signal)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("instances are what was ordered, and start when the object has gone", async () => {
    const orders: MachineOrder[] = [];
    const played = await play(name, { machines: answeringMachines({ onStart: (order) => orders.push(order) }) });
    const { rehearsal, store, context } = played;
    const path = await image(played);
    const { id } = await imported(played, path);
    for (const { kind, id: at } of rehearsal.left())
      if (kind === "object") await store.remove(rehearsal.bucket, at.slice(rehearsal.bucket.length + 1), context);
    await launched(played, id);
    expect(orders).toMatchObject([
      {
        ...{ cloud: name, hostname: "cloudimg-run-1", region: clouds[name].exampleRegion, architecture: "amd64" },
        ...{ firmware: "bios", openPorts: [22, 80], publicKeyLine: expect.stringMatching(/^ssh-rsa /) },
        ...{ userData: Buffer.from("#cloud-config\n"), publicAddress: expect.stringMatching(/^203\.0\.113\./) },
      },
    ]);
    const [order] = orders;
    expect(readFileSync(order?.imagePath ?? "")).toEqual(readFileSync(path));
    expect(order?.cpus).toBeGreaterThan(0);
    expect(order?.memoryBytes).toBeGreaterThanOrEqual(1024 ** 3);
    expect(order?.diskSizeBytes).toBeGreaterThanOrEqual(10 * 1024 ** 3);
    expect(Object.values(order?.outside ?? {})).toEqual([{ host: "127.0.0.1", port: rehearsal.ports.store }]);
  });

  test("an instance whose machine dies is stopped", async () => {
    const played = await play(name, { machines: answeringMachines({ diesAfterMs: 1 }) });
    const { instance, made } = await launched(played, (await imported(played, await image(played))).id);
    await expect
      .poll(async () => (await played.cloud.instances.find({ id: instance.id }, played.context))[0]?.state)
      .toBe("stopped");
    await removed(played, made);
  });

  test("what is not closed is ended with the rehearsal, or its signal", async () => {
    const ended: string[] = [];
    const machines = answeringMachines();
    const controller = new AbortController();
    const played = await play(name, {
      machines: async (order, network, signal) => {
        const machine = await machines(order, network, signal);
        return { ...machine, end: async () => void ended.push(order.instanceId) };
      },
      signal: controller.signal,
    });
    const { instance } = await launched(played, (await imported(played, await image(played))).id);
    controller.abort(new Error("enough"));
    await played.rehearsal.close();
    expect(ended).toContain(instance.id);
    const { api } = played.rehearsal.ports;
    await expect(fetch(`http://127.0.0.1:${api}/`)).rejects.toThrow();
  });

  test("faults of one plan, in the APIs and in the store", async () => {
    const faults = makeFaultPlan(
      ["s3.PutObject=drop", "s3.HeadObject=503", "s3.PutObject=SlowDown", "*.RunInstances=lost", "*.ImportImage=503"]
        .concat(["ecs.CreatePostPaidServers=lost", "ims.CreateImage=503"])
        .flatMap((text) => parseFaultRule(text) ?? []),
    );
    const played = await play(name, { faults, machines: answeringMachines() });
    const { made } = await launched(played, (await imported(played, await image(played))).id);
    // The launch whose answer was lost is found again, not made again.
    expect(played.rehearsal.left().filter(({ kind }) => kind === "instance")).toHaveLength(1);
    expect(faults.met().map((text) => text.replace(/^.*\./, ""))).toEqual(
      expect.arrayContaining(["PutObject: drop", "HeadObject: 503", "PutObject: SlowDown"]),
    );
    expect(faults.met().length).toBe(5);
    await removed(played, made);
  });
});

async function image(played: Played): Promise<string> {
  return await importableImage(played.directory);
}

/** One pixel. */
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

test("Alibaba's console is what the service has kept, with its time; its screen is a JPEG", async () => {
  let asked = 0;
  const machines = answeringMachines();
  const played = await play("alibaba", {
    machines: async (order, network, signal) => {
      const machine = await machines(order, network, signal);
      const screenshot = async () => png;
      return {
        ...machine,
        screenshot,
        console: async () => {
          asked += 1;
          return `asked ${asked}`;
        },
      };
    },
  });
  const { cloud, rehearsal, context } = played;
  const { instance } = await launched(played, (await imported(played, await image(played))).id);
  const evidence = async () => await cloud.instances.evidence(instance.id, context);
  const first = await evidence();
  expect(first).toMatchObject({ console: "asked 1", screenshot: { format: "jpg" } });
  // JFIF: the marker that a picture begins with.
  expect(Buffer.from(first.screenshot?.bytes ?? []).toString("hex", 0, 3)).toBe("ffd8ff");
  expect(await evidence()).toMatchObject({ console: "asked 1", consoleAtMs: first.consoleAtMs });
  await rehearsal.connection.sleep(30_000, context.signal);
  const later = await evidence();
  expect(later.console).toBe("asked 2");
  expect(later.consoleAtMs).toBeGreaterThan(first.consoleAtMs ?? Number.NaN);
});
