import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import { listenOnLoopback } from "../../core/listen-on-loopback.ts";
import { type Clock, makeClock } from "../clock.ts";
import type { Gate } from "./authorize.ts";
import { endpointOf, placeOf } from "./dialect.ts";
import { storeDialects } from "./dialects.ts";
import type { StoreFaultHook } from "./faults.ts";
import { objectFor } from "./operation.ts";
import { callOf, type ServedStore, type ServedStoreRequest, serve } from "./serving.ts";
import { entriesOf, type StoreEntry } from "./store-entries.ts";
import { parseRequest } from "./store-request.ts";
import { type BucketSettings, makeBucket } from "./store-state.ts";

export interface ObjectStoreOptions extends Pick<Gate, "keys"> {
  readonly dialect: keyof typeof storeDialects;
  /** Where contents are kept; made if it is not there. */
  readonly directory: string;
  /** Whose key it is: buckets belong to accounts. At Tencent the APPID that bucket names end in. */
  readonly accountOf: (accessKeyId: string) => string;
  /** Buckets that are there from the beginning. */
  readonly buckets?: readonly BucketSettings[] | undefined;
  /** 0 or absent: the system chooses. */
  readonly port?: number | undefined;
  /** Default: the host's. */
  readonly clock?: ServedStore["clock"] | undefined;
  readonly fault?: StoreFaultHook | undefined;
  /** Whether signatures may leave the body out. Default: yes. */
  readonly unsignedPayload?: boolean | undefined;
  /** Told of each request when it has been answered. */
  readonly onServed?: ((request: ServedStoreRequest) => void) | undefined;
}

/** One vendor's object store, of all its regions. */
export interface EmulatedObjectStore {
  /** On 127.0.0.1, in clear text. */
  readonly port: number;
  readonly hosts: {
    /** Whether a host name, with or without a port, is one of this store's. */
    owns(host: string): boolean;
    /** The name of a region's store: `cos.ap-guangzhou.myqcloud.com`. */
    endpoint(region: string): string;
    ofBucket(bucket: string, region: string): string;
  };
  /** The facts of a bucket: an import checks its region, class and owner. */
  bucket(name: string): BucketSettings | undefined;
  /** A file with the object's bytes, which must not be changed. Undefined: there is no such object. */
  openObject(bucket: string, key: string): Promise<string | undefined>;
  /**
   * The same for who follows a link, as an import does: it must be valid, and is used up where links work once.
   *
   * Errors: StoreError
   */
  openLink(url: string): Promise<string>;
  entries(): readonly StoreEntry[];
  /** The latest ones, oldest first. */
  requests(): readonly ServedStoreRequest[];
  /** What the store itself has done wrong: defects of ours, answered with 500. */
  defects(): readonly unknown[];
  /** Ends it and every connection; files stay. Safe to call twice. */
  close(): Promise<void>;
}

const mostRequests = 50_000;

/**
 * Starts an object store on loopback that speaks S3's protocol as one vendor does. Ends when it is closed or `signal` is aborted.
 *
 * Errors: `host/port-in-use`
 */
export async function startObjectStore(options: ObjectStoreOptions, signal: AbortSignal): Promise<EmulatedObjectStore> {
  signal.throwIfAborted();
  const dialect = storeDialects[options.dialect];
  const clock: Pick<Clock, "now" | "sleep" | "signingTimes"> = options.clock ?? makeClock({});
  const served: ServedStoreRequest[] = [];
  const defects: unknown[] = [];
  const ending = new AbortController();
  const store: ServedStore = {
    gate: {
      dialect,
      keys: options.keys,
      accountOf: options.accountOf,
      times: () => clock.signingTimes(),
      unsignedPayload: options.unsignedPayload ?? true,
      usedLinks: new Set(),
    },
    directory: options.directory,
    buckets: new Map((options.buckets ?? []).map((settings) => [settings.name, makeBucket(settings, clock.now())])),
    clock,
    fault: options.fault,
    signal: ending.signal,
    onServed(request) {
      served.push(request);
      options.onServed?.(request);
      if (served.length > mostRequests) served.splice(0, mostRequests / 2);
    },
    onDefect: (error) => void defects.push(error),
  };
  await mkdir(options.directory, { recursive: true });

  const server = createServer((incoming, outgoing) => void serve(store, incoming, outgoing, false));
  server.on("checkContinue", (incoming, outgoing) => void serve(store, incoming, outgoing, true));
  // A kept connection that the server ends just as the client uses it again would look like a fault.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  const port = await listenOnLoopback(server, options.port ?? 0, "serve objects");
  let closed: Promise<void> | undefined;
  const close = () => {
    signal.removeEventListener("abort", close);
    ending.abort(new Error("the object store ends"));
    closed ??= new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    return closed;
  };
  signal.addEventListener("abort", close);
  if (signal.aborted) await close();

  return {
    port,
    hosts: {
      owns: (host) => placeOf(dialect, host) !== undefined,
      endpoint: (region) => endpointOf(dialect, region),
      ofBucket: (bucket, region) => `${bucket}.${endpointOf(dialect, region)}`,
    },
    bucket: (name) => store.buckets.get(name),
    openObject: async (bucket, key) => await store.buckets.get(bucket)?.objects.get(key)?.contents.file(),
    openLink: (url) => openLink(store, url),
    entries: () => [...store.buckets.values()].flatMap(entriesOf),
    requests: () => served,
    defects: () => defects,
    close,
  };
}

async function openLink(store: ServedStore, url: string): Promise<string> {
  const { host, pathname, search } = new URL(url);
  const line = { method: "GET", url: pathname + search, rawHeaders: ["host", host] };
  const request = parseRequest(line, (host) => placeOf(store.gate.dialect, host));
  const call = callOf(store, request, { lengthBytes: 0, async *chunks() {} });
  return await objectFor(call).contents.file();
}
