import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { httpAgent } from "../../src/providers/direct-connection.ts";
import { type AccessKey, type Account, makeAccount, makeKeyRing } from "../../src/rehearsal/accounts.ts";
import { type MovableClock, makeClock } from "../../src/rehearsal/clock.ts";
import type { StoreFault, StoreFaultHook } from "../../src/rehearsal/object-store/faults.ts";
import {
  type EmulatedObjectStore,
  type ObjectStoreOptions,
  startObjectStore,
} from "../../src/rehearsal/object-store/object-store.ts";

export type DialectName = ObjectStoreOptions["dialect"];

const vendors = { cos: "tencent", oss: "alibaba", obs: "huawei" } as const;

export interface StoreFixture extends AsyncDisposable {
  readonly store: EmulatedObjectStore;
  readonly account: Account;
  /** Another customer. */
  readonly stranger: Account;
  readonly clock: MovableClock;
  readonly directory: string;
  readonly region: string;
  /** A bucket that is there. */
  readonly bucket: string;
  /** `bucket` in virtual-hosted form. */
  readonly host: string;
  fault: StoreFaultHook;
  client(more?: S3ClientConfig & { readonly key?: AccessKey }): S3Client;
}

export async function storeFixture(
  dialect: DialectName,
  more: Partial<ObjectStoreOptions> = {},
): Promise<StoreFixture> {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-store-"));
  const [account, stranger] = [makeAccount(vendors[dialect]), makeAccount(vendors[dialect])];
  const region = { cos: "ap-guangzhou", oss: "cn-hangzhou", obs: "cn-north-4" }[dialect];
  const owner = dialect === "cos" ? account.appId : account.accountId;
  const bucket = `images-${account.appId}`;
  const clock = makeClock({});
  const controller = new AbortController();
  const fixture = { fault: (() => undefined) as StoreFaultHook };
  const store = await startObjectStore(
    {
      dialect,
      directory,
      clock,
      keys: makeKeyRing([account.key, stranger.key]),
      accountOf: (id) => (id === stranger.key.accessKeyId ? "1999999999" : owner),
      buckets: [
        { name: bucket, region, storageClass: "STANDARD", acl: "private", account: owner },
        {
          name: `elsewhere-${account.appId}`,
          region: "far-away",
          storageClass: "STANDARD",
          acl: "private",
          account: owner,
        },
        { name: `public-${account.appId}`, region, storageClass: "STANDARD_IA", acl: "public-read", account: owner },
      ],
      fault: (request) => fixture.fault(request),
      ...more,
    },
    controller.signal,
  );
  const agent = httpAgent({
    resolve: (host) =>
      store.hosts.owns(host) ? { protocol: "http:", address: "127.0.0.1", port: store.port } : undefined,
  });
  const clients: S3Client[] = [];
  return Object.assign(fixture, {
    store,
    account,
    stranger,
    clock,
    directory,
    region,
    bucket,
    host: store.hosts.ofBucket(bucket, region),
    client({ key = account.key, ...config }: S3ClientConfig & { readonly key?: AccessKey } = {}) {
      const { accessKeyId, secret, sessionToken } = key;
      const client = new S3Client({
        region,
        endpoint: `https://${store.hosts.endpoint(region)}`,
        credentials: { accessKeyId, secretAccessKey: secret, ...(sessionToken && { sessionToken }) },
        requestChecksumCalculation: "WHEN_REQUIRED",
        responseChecksumValidation: "WHEN_REQUIRED",
        maxAttempts: 1,
        // It warns of what is tested here: streams that it cannot send again.
        logger: { debug() {}, info() {}, warn() {}, error() {} },
        requestHandler: { httpsAgent: agent },
        ...config,
      });
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      agent.destroy();
      clock.close();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  });
}

/** Fails requests of one kind, the first so many of them. */
export function failing(operation: string, fault: StoreFault, times = 1): StoreFaultHook {
  let left = times;
  return (request) => (request.operation === operation && left-- > 0 ? fault : undefined);
}

export interface HandMade {
  readonly method: string;
  readonly host: string;
  /** Encoded, with the query. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Of the answer's XML. */
  readonly code: string | undefined;
  /** Whether the store asked for a body that was kept back. */
  readonly wasAskedForBody: boolean;
}

/** Sends a request just as it is given. Rejects if the connection is cut. */
export function sendRaw(
  { port }: { readonly port: number },
  made: HandMade,
  beforeBody: () => Promise<unknown> = async () => {},
): Promise<Answered> {
  const { method, host, target: path, headers = {}, body = "" } = made;
  return new Promise((resolve, reject) => {
    let wasAskedForBody = false;
    const length = method === "GET" || method === "HEAD" ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const outgoing = request({
      port,
      host: "127.0.0.1",
      method,
      path,
      headers: { ...length, host, ...headers },
      agent: false,
    });
    outgoing.on("error", reject);
    outgoing.on("continue", () => {
      wasAskedForBody = true;
      beforeBody().then(() => outgoing.end(body), reject);
    });
    outgoing.on("response", (incoming) => {
      const parts: Buffer[] = [];
      incoming.on("data", (part: Buffer) => parts.push(part));
      incoming.on("error", reject);
      incoming.on("end", () => {
        outgoing.destroy();
        const text = Buffer.concat(parts).toString("utf8");
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: text,
          code: /<Code>([^<]*)<\/Code>/.exec(text)?.[1],
          wasAskedForBody,
        });
      });
    });
    if (headers["expect"] === undefined) outgoing.end(body);
    else outgoing.flushHeaders();
  });
}

/** SigV4 in a header, by the letter of Amazon's document; the paths and queries of these tests are in canonical form already. */
export function signed(
  made: HandMade,
  key: Pick<AccessKey, "accessKeyId" | "secret">,
  { region, timeMs = Date.now(), payload }: { region: string; timeMs?: number; payload?: string },
): HandMade {
  const time = new Date(timeMs).toISOString().replace(/[-:]|\.\d+/g, "");
  const hash = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
  const headers: Record<string, string> = {
    ...made.headers,
    "x-amz-date": time,
    "x-amz-content-sha256": payload ?? hash(made.body ?? ""),
  };
  const all = { ...headers, host: made.host } as Record<string, string>;
  const names = Object.keys(all)
    .filter((name) => name !== "expect")
    .sort();
  const [path = "", query = ""] = made.target.split("?");
  const canonical = [
    made.method,
    path,
    query,
    ...names.map((name) => `${name}:${all[name]}`),
    "",
    names.join(";"),
    all["x-amz-content-sha256"],
  ].join("\n");
  const scope = [time.slice(0, 8), region, "s3", "aws4_request"];
  const signingKey = scope.reduce<string | Buffer>(
    (secret, word) => createHmac("sha256", secret).update(word).digest(),
    `AWS4${key.secret}`,
  );
  const toSign = ["AWS4-HMAC-SHA256", time, scope.join("/"), hash(canonical)].join("\n");
  const signature = createHmac("sha256", signingKey).update(toSign).digest("hex");
  const credential = `${key.accessKeyId}/${scope.join("/")}`;
  return {
    ...made,
    headers: {
      ...headers,
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
    },
  };
}
