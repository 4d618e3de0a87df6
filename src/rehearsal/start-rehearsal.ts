import { join } from "node:path";
import type { CloudName } from "../providers/cloud.ts";
import { storeDialects as clientDialects } from "../providers/dialects.ts";
import { connectionOf } from "../providers/led-connection.ts";
import { startSshStranger } from "../smoke/stranger.ts";
import { credentialsOf, makeKeyRing } from "./accounts.ts";
import { makeClock } from "./clock.ts";
import { startConnectProxy } from "./connect-proxy.ts";
import { domains, type Emulate, type EmulatedCloud } from "./emulated-cloud.ts";
import { makeFaultPlan } from "./faults.ts";
import { startHttpServer, type WireHandler } from "./http-server.ts";
import { makeInternet } from "./internet.ts";
import { keepImages } from "./kept-images.ts";
import { makeCloudLedger } from "./ledger.ts";
import { machineRoom } from "./machine-room.ts";
import { startObjectStore } from "./object-store/object-store.ts";
import type { Rehearsal, RehearsalOptions } from "./rehearsal.ts";
import { storeFaults } from "./store-faults.ts";
import { accountFor, bucketsFor, credentialsInTrouble, factsInTrouble } from "./trouble-effects.ts";

const emulators: Readonly<Record<CloudName, () => Promise<Emulate>>> = {
  tencent: async () => (await import("./tencent/emulate.ts")).emulateTencent,
  alibaba: async () => (await import("./alibaba/emulate.ts")).emulateAlibaba,
  huawei: async () => (await import("./huawei/emulate.ts")).emulateHuawei,
};

const storeDialects = { tencent: "cos", alibaba: "oss", huawei: "obs" } as const;
const anHourMs = 3_600_000;

/**
 * Starts a cloud on loopback: its object store with a bucket, its APIs, its internet. It ends when it is closed, or `signal` is aborted.
 *
 * Errors: `host/port-in-use`
 */
export async function startRehearsal(options: RehearsalOptions, signal: AbortSignal): Promise<Rehearsal> {
  signal.throwIfAborted();
  const { cloud: name, directory, region, inspect, ports = {}, pace = 1 } = options;
  const troubles = new Set(options.troubles);
  const clock = options.clock ?? makeClock({ leaps: true });
  const faults = options.faults ?? makeFaultPlan();
  const account = accountFor(name, options.bucket, options.seed);
  const keys = makeKeyRing([account.key]);
  const credentials = credentialsInTrouble(credentialsOf(account, region), account, keys, clock.now(), troubles);
  if (troubles.has("clock-skew")) clock.setSkew(anHourMs);
  const owner = name === "tencent" ? account.appId : account.accountId;
  const bucket = options.bucket ?? `rehearsal-${account.appId}`;
  const ending = new AbortController();
  const internet = makeInternet();
  const images = keepImages(join(directory, "images"));
  const stranger = lazily(startSshStranger);
  const closers: (() => Promise<unknown>)[] = [];
  let closed: Promise<void> | undefined;
  const close = () => {
    signal.removeEventListener("abort", close);
    ending.abort(signal.aborted ? signal.reason : new Error("the rehearsal ends"));
    // Last opened, first closed: machines before what they need.
    closed ??= (async () => {
      const outcomes = [];
      for (const work of closers.reverse()) outcomes.push(...(await Promise.allSettled([work()])));
      const failed = outcomes.find((outcome) => outcome.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    })();
    return closed;
  };
  const closeAndForget = () => void close().catch(() => {});

  try {
    closers.push(
      async () => clock.close(),
      images.remove,
      async () => await (await stranger.started())?.close(),
    );
    const ledger = makeCloudLedger(clock);
    let observe = () => {};
    const store = await startObjectStore(
      {
        dialect: storeDialects[name],
        directory: join(directory, "objects"),
        clock,
        keys,
        accountOf: () => owner,
        buckets: bucketsFor(name, { bucket, region, owner }, troubles),
        port: ports.store,
        fault: storeFaults(faults),
        // No source says that OBS takes them.
        unsignedPayload: name !== "huawei",
        onServed: () => observe(),
      },
      ending.signal,
    );
    closers.push(store.close);
    const room = machineRoom({
      cloud: name,
      make: options.machines,
      internet,
      outside: { [`${bucket}.${clientDialects[name].endpoint(region)}`]: { host: "127.0.0.1", port: store.port } },
      troubles,
      reclaim: (instanceId) => cloud.reclaim(instanceId, true),
      stranger: async () => (await stranger.get()).port,
      signal: ending.signal,
    });
    closers.push(room.close);
    const cloud: EmulatedCloud = (await emulators[name]())({
      ...{ account, keys, clock, store, faults, troubles, pace },
      async examine(path) {
        const keptPath = await images.keep(path);
        return { keptPath, facts: factsInTrouble(await inspect(keptPath), troubles) };
      },
      startMachine: room.start,
    });
    closers.push(cloud.close);
    const left = () => [
      ...cloud.left(),
      ...store.entries().map(({ kind, id, region, createdAt }) => ({ kind, id, region, createdAt })),
    ];
    observe = () => ledger.observe(left());
    const handler: WireHandler = async (request, gone) => {
      const answer = await cloud.handler(request, gone);
      observe();
      options.onServed?.(request, answer === "drop" ? undefined : answer);
      return answer;
    };
    const api = await startHttpServer(handler, { port: ports.api }, ending.signal);
    closers.push(api.close);
    const proxy = await startConnectProxy(internet.dial, ports.proxy ?? 0, ending.signal);
    closers.push(proxy.close);
    signal.addEventListener("abort", closeAndForget, { once: true });
    if (signal.aborted) await close();
    const resolve = [
      ...domains[name].store.map((pattern) => `${pattern}=http://127.0.0.1:${store.port}`),
      ...domains[name].api.map((pattern) => `${pattern}=http://127.0.0.1:${api.port}`),
    ];
    const led = connectionOf({ CLOUDIMG_RESOLVE: resolve.join(" ") });
    return {
      ...{ cloud: name, account, clock, region, bucket, credentials, resolve, faults, close },
      regions: cloud.regions,
      ports: { api: api.port, store: store.port, proxy: proxy.port },
      connection: { resolve: led.resolve, now: clock.now, sleep: clock.sleep, dial: internet.dial },
      left,
      made() {
        observe();
        return ledger.entries().map(({ resource }) => resource);
      },
      reclaim: (instanceId) => cloud.reclaim(instanceId, false),
      defects: () => [...api.defects(), ...store.defects()],
    };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

/** Something that is started when somebody first wants it. */
function lazily<T>(start: () => Promise<T>): { get(): Promise<T>; started(): Promise<T> | undefined } {
  let made: Promise<T> | undefined;
  return {
    started: () => made,
    get() {
      made ??= start();
      return made;
    },
  };
}
