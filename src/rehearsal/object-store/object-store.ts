import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { errnoOf, fail } from "../../core/errors.ts";
import type { Resource } from "../../providers/cloud.ts";
import type { KeyRing } from "../accounts.ts";
import { type Clock, makeClock } from "../clock.ts";
import { authorize, type Gate } from "./authorize.ts";
import { endpointOf, placeOf, type StoreDialect } from "./dialect.ts";
import { storeDialects } from "./dialects.ts";
import { bodyOf, cut, type Exchange, errorAnswer, send } from "./exchange.ts";
import type { StoreFault, StoreFaultHook } from "./faults.ts";
import { objectFor, type StoreAnswer, type StoreCall } from "./operation.ts";
import { routeOf, type StoreOperationName, storeOperations } from "./routes.ts";
import { ConnectionCut, refuse, StoreError } from "./store-error.ts";
import { parseRequest, type StoreRequest } from "./store-request.ts";
import { type Bucket, type BucketSettings, makeBucket } from "./store-state.ts";

export interface ObjectStoreOptions {
  readonly dialect: keyof typeof storeDialects;
  /** Where contents are kept; made if it is not there. */
  readonly directory: string;
  readonly keys: Pick<KeyRing, "keyOf">;
  /** Whose key it is: buckets belong to accounts. At Tencent the APPID that bucket names end in. */
  readonly accountOf: (accessKeyId: string) => string;
  /** Buckets that are there from the beginning. */
  readonly buckets?: readonly BucketSettings[] | undefined;
  /** 0 or absent: the system chooses. */
  readonly port?: number | undefined;
  /** Default: the host's. */
  readonly clock?: Pick<Clock, "now" | "sleep" | "signingTimes"> | undefined;
  readonly fault?: StoreFaultHook | undefined;
  /** Whether signatures may leave the body out. Default: yes. */
  readonly unsignedPayload?: boolean | undefined;
}

/** Something that is in the store and costs money. Its `id` is `<bucket>/<key>`, of an upload `<bucket>/<key>?uploadId=<id>`. */
export interface StoreEntry extends Resource {
  readonly kind: "object" | "upload";
  readonly bucket: string;
  readonly key: string;
  /** Of an upload: of its parts. */
  readonly sizeBytes: number;
  readonly uploadId?: string | undefined;
}

export interface ServedStoreRequest {
  readonly operation: StoreOperationName | undefined;
  readonly bucket: string | undefined;
  readonly key: string;
  readonly partNumber: number | undefined;
  /** Of its body. */
  readonly receivedBytes: number;
  /** Undefined: the connection was cut. */
  readonly status: number | undefined;
  readonly code: string | undefined;
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
  const dialect: StoreDialect = storeDialects[options.dialect];
  const clock = options.clock ?? makeClock({});
  await mkdir(options.directory, { recursive: true });
  const buckets = new Map<string, Bucket>(
    (options.buckets ?? []).map((settings) => [settings.name, makeBucket(settings, clock.now())]),
  );
  const gate: Gate = {
    dialect,
    keys: options.keys,
    accountOf: options.accountOf,
    times: () => clock.signingTimes(),
    unsignedPayload: options.unsignedPayload ?? true,
    usedLinks: new Set(),
  };
  const served: ServedStoreRequest[] = [];
  const defects: unknown[] = [];
  const ending = new AbortController();
  const placeOfHost = (host: string) => placeOf(dialect, host);
  const callOf = (request: StoreRequest, body: StoreCall["body"]): StoreCall => ({
    dialect,
    request,
    caller: authorize(request, gate),
    body,
    buckets,
    nowMs: clock.now(),
    newPath: () => join(options.directory, randomBytes(12).toString("hex")),
  });

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse, isBodyKeptBack: boolean) => {
    const requestId = randomBytes(12).toString("hex").toUpperCase();
    const headers = {
      date: new Date(clock.signingTimes().at(-1) ?? clock.now()).toUTCString(),
      "x-amz-request-id": requestId,
      [`${dialect.headerPrefix}request-id`]: requestId,
    };
    const exchange: Exchange = { incoming, outgoing, isBodyKeptBack, headers };
    let request: StoreRequest | undefined;
    let operation: StoreOperationName | undefined;
    let fault: StoreFault | undefined;
    let receivedBytes = 0;
    let answer: StoreAnswer | undefined;
    let code: string | undefined;
    try {
      try {
        request = parseRequest(incoming, placeOfHost);
        operation = routeOf(request);
        fault = options.fault?.({ operation, ...request });
        if (fault?.delayMs !== undefined) await clock.sleep(fault.delayMs, ending.signal);
        if (fault?.status !== undefined) refuse(fault.status, fault.code ?? "InternalError", "A fault was asked for.");
        const hasBody =
          incoming.headers["transfer-encoding"] !== undefined || Number(incoming.headers["content-length"] ?? 0) > 0;
        const body = bodyOf(exchange, hasBody ? fault?.cutAfterBytes : undefined, (count) => {
          receivedBytes += count;
        });
        const call = callOf(request, body);
        refusePathStyle(request, dialect);
        if (operation === undefined)
          refuse(
            501,
            "NotImplemented",
            "A header or a query you provided implies functionality that is not implemented.",
          );
        answer = await storeOperations[operation](call);
        if (hasBody && isBodyKeptBack === false && !incoming.complete) incoming.resume();
        if (fault?.isAnswerLost) throw cut(exchange);
        await send(exchange, answer, hasBody ? undefined : fault?.cutAfterBytes);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        code = error.code;
        answer = errorAnswer(error, request?.path ?? "", requestId, request?.host ?? "");
        await send(exchange, answer, undefined);
      }
    } catch (error) {
      answer = undefined;
      // A client that has gone is no defect.
      const hasGone = error instanceof ConnectionCut || incoming.socket.destroyed || ending.signal.aborted;
      if (!hasGone) defects.push(error);
      if (hasGone || outgoing.headersSent) incoming.socket.destroy();
      else outgoing.writeHead(500, headers).end();
    } finally {
      const part = Number(request?.query.get("partNumber") ?? Number.NaN);
      served.push({
        operation,
        bucket: request?.bucket,
        key: request?.key ?? "",
        partNumber: Number.isNaN(part) ? undefined : part,
        receivedBytes,
        status: answer?.status,
        code,
      });
      if (served.length > mostRequests) served.splice(0, mostRequests / 2);
    }
  };

  const server = createServer();
  server.on("request", (incoming, outgoing) => void serve(incoming, outgoing, false));
  server.on("checkContinue", (incoming, outgoing) => void serve(incoming, outgoing, true));
  // A kept connection that the server ends just as the client uses it again would look like a fault.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: options.port ?? 0, exclusive: true }, resolve);
  }).catch((cause: unknown) => {
    if (errnoOf(cause) !== "EADDRINUSE" && errnoOf(cause) !== "EACCES") throw cause;
    const why = errnoOf(cause) === "EACCES" ? "this user may not have it" : "another program on this host uses it";
    fail("host/port-in-use", `cannot serve objects on 127.0.0.1:${options.port}: ${why}`, { cause });
  });
  const { port } = server.address() as AddressInfo;
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

  const noBody = { lengthBytes: 0, async *chunks() {} };
  return {
    port,
    hosts: {
      owns: (host) => placeOfHost(host) !== undefined,
      endpoint: (region) => endpointOf(dialect, region),
      ofBucket: (bucket, region) => `${bucket}.${endpointOf(dialect, region)}`,
    },
    bucket: (name) => buckets.get(name),
    openObject: async (bucket, key) => buckets.get(bucket)?.objects.get(key)?.contents.file(),
    async openLink(url) {
      const { host, pathname, search } = new URL(url);
      const request = parseRequest({ method: "GET", url: pathname + search, rawHeaders: ["host", host] }, placeOfHost);
      const call = callOf(request, noBody);
      refusePathStyle(request, dialect);
      return await objectFor(call).contents.file();
    },
    entries: () => [...buckets.values()].flatMap(entriesOf),
    requests: () => served,
    defects: () => defects,
    close,
  };
}

function refusePathStyle({ isPathStyle, place, method, key }: StoreRequest, dialect: StoreDialect): void {
  if (place !== undefined && !isPathStyle) return;
  const refusal = dialect.refusals.pathStyle(method, key === "");
  // A host that is none of the vendor's cannot name a bucket either.
  if (refusal !== undefined) refuse(refusal.status, refusal.code, refusal.message);
}

function entriesOf({ name: bucket, region, objects, uploads }: Bucket): StoreEntry[] {
  const createdAt = (timeMs: number) => new Date(timeMs).toISOString();
  return [
    ...[...objects.values()].map(({ key, contents: { sizeBytes }, modifiedMs }) => ({
      kind: "object" as const,
      id: `${bucket}/${key}`,
      region,
      bucket,
      key,
      sizeBytes,
      createdAt: createdAt(modifiedMs),
    })),
    ...[...uploads.values()].map(({ key, id, parts, startedMs }) => ({
      kind: "upload" as const,
      id: `${bucket}/${key}?uploadId=${id}`,
      region,
      bucket,
      key,
      sizeBytes: [...parts.values()].reduce((sum, { contents }) => sum + contents.sizeBytes, 0),
      uploadId: id,
      createdAt: createdAt(startedMs),
    })),
  ];
}
