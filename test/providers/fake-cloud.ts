import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { fail } from "../../src/core/errors.ts";
import type {
  Cloud,
  ImageState,
  ImportHandle,
  InstanceState,
  Offer,
  Resource,
  Tags,
} from "../../src/providers/cloud.ts";
import type { ObjectStore } from "../../src/providers/object-store.ts";
import type { Clock } from "../../src/providers/poll.ts";

interface FakeImage extends ImageState {
  readonly token: string;
  readonly bornMs: number;
  readonly sharedWith?: readonly string[];
}

interface FakeInstance extends InstanceState {
  readonly name: string;
  readonly token: string;
  readonly bornMs: number;
  readonly endsAtMs: number;
  readonly instanceType: string;
  readonly gone: boolean;
}

interface FakePart extends Resource {
  readonly run: string;
  readonly createdAt: string;
}

/** All that there is in a cloud and its store, kept in a file: processes that use it may be killed. */
export interface FakeState {
  readonly nowMs: number;
  readonly images: readonly FakeImage[];
  readonly instances: readonly FakeInstance[];
  readonly parts: readonly FakePart[];
  readonly objects: Readonly<Record<string, string>>;
  /** How many of each kind were ever made. */
  readonly made: Readonly<Record<string, number>>;
  readonly links: number;
}

/** What is wrong with it, by call; each fault is told how often the call was made so far, and may throw. */
export interface FakeOptions {
  readonly faults?: Partial<Record<string, (times: number) => void>>;
  /** Told after everything that changes the cloud, before the caller gets its answer. */
  readonly point?: (name: string) => void;
  /** What was made is not seen for so long. */
  readonly blindMs?: number;
  readonly importFails?: string;
  readonly soldOut?: readonly string[];
  /** These are accepted, and fail when the instance has an id already. */
  readonly soldOutLate?: readonly string[];
}

export interface FakeCloud {
  readonly cloud: Cloud;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly state: () => FakeState;
  readonly edit: (change: (state: FakeState) => Partial<FakeState>) => void;
}

const importMs = 60_000;
const bootMs = 20_000;
const regionOf = (wanted: { region?: string; handle?: ImportHandle }) => wanted.region ?? wanted.handle?.region ?? "r1";

/**
 * A cloud written to the seams, as bad as they allow: no token is honoured, no name is unique, what was made is not seen for a while, an instance that is
 * ended is at work for a while, and a group is in use until its instance is gone.
 */
export function fakeCloud(path: string, options: FakeOptions = {}): FakeCloud {
  const { faults = {}, point = () => {}, blindMs = 20_000, importFails, soldOut = [], soldOutLate = [] } = options;
  const times: Record<string, number> = {};
  const empty: FakeState = { nowMs: 1.8e12, images: [], instances: [], parts: [], objects: {}, made: {}, links: 0 };
  const state = (): FakeState => {
    try {
      return JSON.parse(readFileSync(path, "utf8"));
    } catch {
      return empty;
    }
  };
  const edit: FakeCloud["edit"] = (change) => {
    const now = state();
    writeFileSync(`${path}.new`, JSON.stringify({ ...now, ...change(now) }));
    renameSync(`${path}.new`, path);
  };
  const call = (name: string): void => {
    times[name] = (times[name] ?? 0) + 1;
    faults[name]?.(times[name]);
  };
  const count = (kind: string) => {
    edit(({ made }) => ({ made: { ...made, [kind]: (made[kind] ?? 0) + 1 } }));
    return state().made[kind] as number;
  };
  const now = () => state().nowMs;
  const hasTags = (tags: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>> = {}) =>
    Object.entries(wanted).every(([key, value]) => tags[key] === value);
  const isSeen = ({ bornMs }: { bornMs: number }) => now() - bornMs >= blindMs;

  const addImage = (
    region: string,
    { name, tags, token }: { name: string; tags: Tags; token: string },
  ): ImportHandle => {
    const id = `img-${count("image")}`;
    const bornMs = now();
    const createdAt = new Date(bornMs).toISOString();
    const image: FakeImage = { id, region, name, tags, token, state: "pending", parts: [], bornMs, createdAt };
    edit(({ images }) => ({ images: [...images, image] }));
    point(`image in ${region} is begun`);
    return { imageId: id, name, region };
  };
  const addPart = async (kind: Resource["kind"], name: string, tags: Tags, made: (part: Resource) => Promise<void>) => {
    let part = state().parts.find((some) => some.kind === kind && some.name === name);
    if (part === undefined) {
      const id = `${kind}-${count(kind)}`;
      part = { kind, id, region: "r1", name, run: tags["cloudimg:run"], createdAt: new Date(now()).toISOString() };
      const added = part;
      edit(({ parts }) => ({ parts: [...parts, added] }));
      point(`${kind} is made`);
    }
    await made(part);
  };
  const current = (image: FakeImage): ImageState => {
    if (image.state !== "pending" || now() - image.bornMs < importMs) return { ...image };
    if (importFails !== undefined) return { ...image, state: "failed", reason: importFails };
    return { ...image, state: "available", percent: 100 };
  };
  const currentInstance = (instance: FakeInstance): InstanceState => {
    if (instance.state === "stopped" && now() - instance.bornMs > 1000) return { ...instance, state: "gone" };
    const isUp = instance.state === "pending" && now() - instance.bornMs >= bootMs;
    return isUp ? { ...instance, state: "running", publicAddresses: ["192.0.2.7"] } : { ...instance };
  };

  const cloud: Cloud = {
    name: "tencent",
    capabilities: {
      ...{ formats: ["qcow2"], console: "text", screenshot: true, importReasons: true, families: true },
      ...{ unsignedPayload: true, userDataBytes: 16_384, leastEndMs: 0 },
    },
    async check() {
      call("check");
      return [];
    },
    images: {
      async import(request) {
        call("import");
        if (state().objects[`${request.object.bucket}/${request.object.key}`] === undefined)
          fail("cloud/refused", "cannot import the image: no such object");
        const handle = addImage("r1", request);
        call("import answer");
        return handle;
      },
      async copy(image, region, request) {
        call(`copy ${region}`);
        if (!state().images.some(({ id }) => id === image.id)) fail("cloud/not-found", "cannot copy: no such image");
        return addImage(region, request);
      },
      async find(wanted) {
        call("find image");
        const region = regionOf(wanted);
        const id = wanted.handle?.imageId;
        return state()
          .images.filter((image) => image.region === region && isSeen(image) && hasTags(image.tags, wanted.tags))
          .filter((image) => (id === undefined || image.id === id) && (!wanted.name || image.name === wanted.name))
          .map(current);
      },
      async change(image, change) {
        call("change image");
        const changes = {
          ...(change.family !== undefined && { family: change.family }),
          ...(change.isDeprecated !== undefined && { isDeprecated: change.isDeprecated }),
          ...(change.shareWith !== undefined && { sharedWith: change.shareWith }),
        };
        edit(({ images }) => ({
          images: images.map((some) => (some.id === image.id ? { ...some, ...changes } : some)),
        }));
        point(`image in ${image.region} is changed`);
      },
      async remove(image) {
        call("remove image");
        edit(({ images }) => ({ images: images.filter(({ id }) => id !== image.id) }));
        point("image is removed");
      },
    },
    instances: {
      async offers({ isSpot }): Promise<Offer[]> {
        call("offers");
        return ["small", "middle", "large"].map((instanceType, index) => ({
          ...{ instanceType, zone: "r1-a", isSpot, price: { perHour: 0.01 * (index + 1), currency: "CNY" } },
        }));
      },
      async launch(request, { instanceType }, made) {
        call("launch");
        if (!state().images.some(({ id }) => id === request.imageId))
          fail("cloud/not-found", "cannot launch: no image");
        await addPart("security-group", request.name, request.tags, made);
        await addPart("key-pair", request.name, request.tags, made);
        if (soldOut.includes(instanceType)) fail("cloud/sold-out", "cannot launch an instance: sold out");
        const instance: FakeInstance = {
          ...{ id: `i-${count("instance")}`, state: "pending", publicAddresses: [], privateAddresses: ["10.0.0.7"] },
          ...{ tags: request.tags, name: request.name, token: request.token, bornMs: now(), instanceType, gone: false },
          endsAtMs: request.endsAtMs,
        };
        edit(({ instances }) => ({ instances: [...instances, instance] }));
        point("instance is made");
        call("launch answer");
        await made({ kind: "instance", id: instance.id, region: "r1", name: request.name });
        if (soldOutLate.includes(instanceType)) fail("cloud/sold-out", "cannot launch an instance: sold out");
        return instance;
      },
      async find({ id, tags }) {
        call("find instance");
        return state()
          .instances.filter((some) => isSeen(some) && (!id || some.id === id) && hasTags(some.tags, tags))
          .map(currentInstance);
      },
      async resources({ run }) {
        call("resources");
        const { parts, instances } = state();
        const alive = instances.filter((some) => isSeen(some) && currentInstance(some).state !== "gone");
        return [
          ...parts.filter((part) => run === undefined || part.run === run),
          ...alive
            .filter(({ tags }) => run === undefined || tags["cloudimg:run"] === run)
            .map(
              ({ id, name, tags, bornMs }): Resource => ({
                ...{ kind: "instance", id, region: "r1", name, run: tags["cloudimg:run"] as string },
                createdAt: new Date(bornMs).toISOString(),
              }),
            ),
        ];
      },
      async evidence() {
        call("evidence");
        return { console: "login:\n", screenshot: { format: "png", bytes: Uint8Array.of(1, 2, 3) } };
      },
      async remove({ kind, id }) {
        call(`remove ${kind}`);
        const { instances, parts } = state();
        if (kind === "instance") {
          if (!instances.some((some) => some.id === id && isSeen(some))) return;
          const ended = { state: "stopped" as const, bornMs: now() - blindMs };
          const isNew = (some: FakeInstance) => some.id === id && some.state !== "stopped";
          edit(() => ({ instances: instances.map((some) => (isNew(some) ? { ...some, ...ended } : some)) }));
        } else {
          const user = instances.find((some) => currentInstance(some).state !== "gone");
          if (user !== undefined && parts.some((part) => part.id === id))
            fail("cloud/busy", `cannot remove ${id}: in use`);
          edit(() => ({ parts: parts.filter((part) => part.id !== id) }));
        }
        point(`${kind} is removed`);
      },
    },
  };

  const store: ObjectStore = {
    name: "fake",
    async checkBucket() {
      call("check bucket");
      return {};
    },
    async upload({ bucket, key, sizeBytes, sha256, onProgress }) {
      call("upload");
      onProgress(sizeBytes, sizeBytes);
      const existed = state().objects[`${bucket}/${key}`] !== undefined;
      if (!existed) {
        count("object");
        edit(({ objects }) => ({ objects: { ...objects, [`${bucket}/${key}`]: sha256 } }));
        point("object is stored");
      }
      return { bucket, key, sizeBytes, sha256, existed };
    },
    async signedUrl({ bucket, key }) {
      edit(({ links }) => ({ links: links + 1 }));
      return `https://${bucket}.example/${key}?signature=s3cret-link`;
    },
    async find(bucket, key) {
      const sha256 = state().objects[`${bucket}/${key}`];
      return sha256 === undefined ? undefined : { sizeBytes: 0, sha256 };
    },
    async remove(bucket, key) {
      call("remove object");
      edit(({ objects }) => ({
        objects: Object.fromEntries(Object.entries(objects).filter(([name]) => name !== `${bucket}/${key}`)),
      }));
      point("object is removed");
    },
  };

  const clock: Clock = {
    now,
    async sleep(ms, signal) {
      signal.throwIfAborted();
      edit(({ nowMs }) => ({ nowMs: nowMs + ms }));
    },
  };
  return { cloud, store, clock, state, edit };
}

/** What costs money or counts against a quota, and is not an image that is ready: nothing, when all is well. */
export function leftIn({ instances, parts, objects, images }: FakeState): string[] {
  return [
    ...instances.filter(({ state }) => state !== "stopped").map(({ id }) => id),
    ...parts.map(({ id }) => id),
    ...Object.keys(objects),
    ...images.filter(({ state }) => state === "failed").map(({ id }) => id),
  ];
}
