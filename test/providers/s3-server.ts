import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Seen {
  readonly method: string;
  readonly host: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** `UploadPart 3`, `HeadObject`, … */
  readonly operation: string;
  /** Bytes of the body that came. */
  bodyBytes: number;
}

/**
 * What happens instead of the usual answer: an error; the connection is cut before the answer (`drop`, the work is not done), in the middle of the body (`cut`), or when the work is done
 * (`lose`); silence (`hang`); an ETag that is wrong (`wrong-etag`).
 */
export type Fault =
  | { readonly status: number; readonly code?: string; readonly headers?: Record<string, string> }
  | "drop"
  | "cut"
  | "lose"
  | "hang"
  | "wrong-etag";

export interface TestStore {
  readonly port: number;
  readonly objects: Map<string, { bytes: Buffer; sha256: string | undefined }>;
  readonly uploads: Map<string, TestUpload>;
  readonly seen: Seen[];
  /** Operations in their order, without those that only look. */
  operations(pattern?: RegExp): string[];
  /** Asked before each request is worked on; the first that answers counts. */
  fault: (seen: Seen) => Fault | undefined;
  /** Awaited before an answer is made. */
  before: (seen: Seen) => Promise<void> | undefined;
  /** No request is being worked on, not even of clients that are gone. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

interface TestUpload {
  readonly key: string;
  readonly sha256: string | undefined;
  readonly parts: Map<number, Buffer>;
}

/** An object store on loopback that checks what a client sends, and fails as it is told. It knows no signatures; those are verified elsewhere. */
export async function startTestStore({
  bucket = "images-1250000000",
  guard = "x-cos-forbid-overwrite",
} = {}): Promise<TestStore> {
  let nextId = 1;
  let atWork = 0;
  const server = createServer((request, response) => {
    atWork++;
    serve(request, response)
      .catch((error: unknown) => {
        if (!response.destroyed) response.destroy(error as Error);
      })
      .finally(() => atWork--);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const store: TestStore = {
    port: (server.address() as AddressInfo).port,
    objects: new Map(),
    uploads: new Map(),
    seen: [],
    operations: (pattern = /./) => store.seen.map(({ operation }) => operation).filter((name) => pattern.test(name)),
    fault: () => undefined,
    before: () => undefined,
    async idle() {
      do await new Promise((resolve) => setTimeout(resolve, 2));
      while (atWork > 0);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://x");
    const host = request.headers.host ?? "";
    const key = decodeURIComponent(url.pathname.slice(1));
    const seen: Seen = {
      method: request.method ?? "",
      host,
      bucket: host.slice(0, host.indexOf(".")),
      key,
      query: url.searchParams,
      headers: request.headers,
      operation: operationOf(request.method ?? "", key, url.searchParams),
      bodyBytes: 0,
    };
    store.seen.push(seen);
    const fault = store.fault(seen);
    const pieces: Buffer[] = [];
    for await (const piece of request) {
      pieces.push(piece as Buffer);
      seen.bodyBytes += (piece as Buffer).length;
      if (fault === "cut") return void response.destroy();
    }
    if (fault === "hang") return;
    await store.before(seen);
    if (fault === "drop" || fault === "cut") return void response.destroy();
    if (typeof fault === "object") return refuse(response, fault.status, fault.code ?? "Fault", fault.headers);
    const answer = work(seen, Buffer.concat(pieces));
    if (fault === "lose") return void response.destroy();
    if (answer.code !== undefined) return refuse(response, answer.status ?? 400, answer.code);
    if (fault === "wrong-etag") answer.headers = { ...answer.headers, etag: `"${"0".repeat(32)}"` };
    response.writeHead(answer.status ?? 200, answer.headers).end(answer.body);
  }

  interface Answer {
    status?: number;
    code?: string;
    headers?: Record<string, string>;
    body?: string;
  }

  function work({ method, bucket: named, key, query, headers, operation }: Seen, body: Buffer): Answer {
    const header = (name: string) => headers[name] as string | undefined;
    if (named !== bucket) return { status: 404, code: "NoSuchBucket" };
    if (header("content-encoding") === "aws-chunked") return { status: 501, code: "NotImplemented" };
    if (body.length > 0 && /^(PutObject|UploadPart)/.test(operation)) {
      if (header("content-md5") !== createHash("md5").update(body).digest("base64")) return { code: "BadDigest" };
      const signed = header("x-amz-content-sha256");
      const hash = createHash("sha256").update(body).digest("hex");
      if (signed !== "UNSIGNED-PAYLOAD" && signed !== hash) return { code: "XAmzContentSHA256Mismatch" };
      if (Number(header("content-length")) !== body.length) return { code: "IncompleteBody" };
    }
    const upload = store.uploads.get(query.get("uploadId") ?? "");
    if (query.has("uploadId") && upload?.key !== key) return { status: 404, code: "NoSuchUpload" };
    const isGuarded = header(guard) === "true" && store.objects.has(key);
    switch (operation.split(" ")[0]) {
      case "HeadBucket":
        return { headers: { "x-cos-bucket-region": "ap-guangzhou", "x-cos-storage-class": "STANDARD" } };
      case "GetBucketLocation":
        return { body: "<LocationConstraint>ap-guangzhou</LocationConstraint>" };
      case "HeadObject": {
        const object = store.objects.get(key);
        if (object === undefined) return { status: 404, body: "" };
        return {
          headers: {
            "content-length": String(object.bytes.length),
            ...(object.sha256 !== undefined && { "x-amz-meta-sha256": object.sha256 }),
          },
        };
      }
      case "PutObject":
        if (isGuarded) return { status: 409, code: "FileAlreadyExists" };
        store.objects.set(key, { bytes: body, sha256: header("x-amz-meta-sha256") });
        return { headers: { etag: etagOf(body) } };
      case "DeleteObject":
        store.objects.delete(key);
        return { status: 204 };
      case "CreateMultipartUpload": {
        const id = `upload-${nextId++}`;
        store.uploads.set(id, { key, sha256: header("x-amz-meta-sha256"), parts: new Map() });
        return { body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>` };
      }
      case "UploadPart":
        upload?.parts.set(Number(query.get("partNumber")), body);
        return { headers: { etag: etagOf(body) } };
      case "ListParts": {
        const after = Number(query.get("part-number-marker") ?? 0);
        const parts = [...(upload?.parts ?? [])]
          .sort(([one], [other]) => one - other)
          .filter(([number]) => number > after);
        const page = parts.slice(0, 3);
        const listed = page.map(
          ([number, bytes]) =>
            `<Part><PartNumber>${number}</PartNumber><ETag>${etagOf(bytes)}</ETag><Size>${bytes.length}</Size></Part>`,
        );
        const more = parts.length > page.length;
        return {
          body: `<ListPartsResult><IsTruncated>${more}</IsTruncated>${more ? `<NextPartNumberMarker>${page.at(-1)?.[0]}</NextPartNumberMarker>` : ""}${listed.join("")}</ListPartsResult>`,
        };
      }
      case "ListMultipartUploads": {
        const prefix = query.get("prefix") ?? "";
        const listed = [...store.uploads]
          .filter(([, { key }]) => key.startsWith(prefix))
          .map(
            ([id, { key }], index) =>
              `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>2026-11-21T00:00:0${index}.000Z</Initiated></Upload>`,
          );
        return {
          body: `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${listed.join("")}</ListMultipartUploadsResult>`,
        };
      }
      case "AbortMultipartUpload":
        store.uploads.delete(query.get("uploadId") ?? "");
        return { status: 204 };
      case "CompleteMultipartUpload": {
        if (isGuarded) return { status: 409, code: "FileAlreadyExists" };
        const asked = [...body.toString().matchAll(/<Part>.*?<\/Part>/gs)].map(([part]) => ({
          number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
          etag: /<ETag>(.*?)</.exec(part)?.[1]?.replaceAll("&quot;", '"'),
        }));
        const bytes: Buffer[] = [];
        for (const [index, { number, etag }] of asked.entries()) {
          const part = upload?.parts.get(number);
          if (part === undefined || etagOf(part) !== etag) return { code: "InvalidPart" };
          if (number !== index + 1) return { code: "InvalidPartOrder" };
          bytes.push(part);
        }
        store.objects.set(key, { bytes: Buffer.concat(bytes), sha256: upload?.sha256 });
        store.uploads.delete(query.get("uploadId") ?? "");
        return { body: "<CompleteMultipartUploadResult><ETag>&quot;x-1&quot;</ETag></CompleteMultipartUploadResult>" };
      }
      default:
        return { status: 501, code: `NotImplemented-${method}` };
    }
  }
  return store;
}

function operationOf(method: string, key: string, query: URLSearchParams): string {
  if (query.has("partNumber")) return `UploadPart ${query.get("partNumber")}`;
  if (query.has("uploadId"))
    return { GET: "ListParts", POST: "CompleteMultipartUpload", DELETE: "AbortMultipartUpload" }[method] ?? method;
  if (query.has("uploads")) return method === "GET" ? "ListMultipartUploads" : "CreateMultipartUpload";
  if (query.has("location")) return "GetBucketLocation";
  if (key === "") return method === "HEAD" ? "HeadBucket" : `${method} bucket`;
  return { HEAD: "HeadObject", PUT: "PutObject", DELETE: "DeleteObject", GET: "GetObject" }[method] ?? method;
}

function etagOf(bytes: Buffer): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function refuse(response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { "content-type": "application/xml", "x-cos-request-id": "NjAx", ...headers })
    .end(
      response.req.method === "HEAD"
        ? ""
        : `<Error><Code>${code}</Code><Message>words of the store</Message><RequestId>NjAx</RequestId></Error>`,
    );
}
