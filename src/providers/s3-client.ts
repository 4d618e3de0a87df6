import type { S3Client } from "@aws-sdk/client-s3";
import type { Connection } from "./connection.ts";
import type { Credentials } from "./credentials.ts";
import type { StoreDialect } from "./dialects.ts";
import { httpAgent } from "./direct-connection.ts";
import { type Patience, patiently } from "./s3-patience.ts";

export interface ClientRequest {
  readonly dialect: StoreDialect;
  readonly credentials: Credentials;
  readonly region: string;
  readonly connection: Connection;
  readonly patience: Patience;
  /** Without a byte for this long, a connection counts as dead. */
  readonly idleTimeoutMs: number;
}

type Sdk = typeof import("@aws-sdk/client-s3");

/** A client, and what it takes to call it. */
export interface StoreClient extends ClientRequest {
  readonly sdk: Sdk;
  readonly s3: S3Client;
  /** Whether bodies go out unsigned; changes for good when the store turns out not to take them. */
  readonly payload: { isUnsigned: boolean };
  /** One call, tried again while it fails with what may pass. The SDK's own retries are off: they have another clock, and cannot send a part again. */
  call<T>(signal: AbortSignal, work: (s3: S3Client, options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T>;
  close(): void;
}

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** The SDK is loaded here and nowhere else. Nothing is taken from Amazon's own files and variables. */
export async function openClient(request: ClientRequest): Promise<StoreClient> {
  const { dialect, credentials, region, connection, patience, idleTimeoutMs } = request;
  const sdk = await import("@aws-sdk/client-s3");
  const agent = httpAgent(connection);
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const s3 = new sdk.S3Client({
    region,
    endpoint: `https://${dialect.endpoint(region)}`,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    forcePathStyle: dialect.isPathStyle,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // None of the three promises to answer `100 Continue`, without which each part would wait in vain.
    expectContinueHeader: false,
    followRegionRedirects: false,
    useArnRegion: false,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    disableS3ExpressSessionAuth: true,
    defaultsMode: "standard",
    maxAttempts: 1,
    retryMode: "standard",
    // Without one it warns on the process's own standard error of what we try again.
    logger: silent,
    requestHandler: { httpsAgent: agent, connectionTimeout: 15_000, socketTimeout: idleTimeoutMs },
  });
  // The SDK would learn the time from answers; a host whose clock is wrong must be told, for all other signatures are wrong as well.
  Object.defineProperty(s3.config, "systemClockOffset", {
    get: () => connection.now() - Date.now(),
    set: () => {},
  });
  return {
    ...request,
    sdk,
    s3,
    payload: { isUnsigned: dialect.hasUnsignedPayload },
    call: (signal, work) => patiently(patience, connection, signal, () => work(s3, { abortSignal: signal })),
    close() {
      s3.destroy();
      agent.destroy();
    },
  };
}

interface Headed {
  readonly request: { readonly headers: Record<string, string> };
}

/** Headers that the SDK's own parameters do not know; they are signed like all others. */
export function withHeaders<C extends { middlewareStack: { add(...parameters: never[]): void } }>(
  command: C,
  headers: Readonly<Record<string, string>>,
): C {
  const stack = command.middlewareStack as unknown as {
    add(
      middleware: (next: (args: Headed) => Promise<unknown>) => (args: Headed) => Promise<unknown>,
      options: { readonly step: "build"; readonly name: string },
    ): void;
  };
  stack.add(
    (next) => async (args) => {
      Object.assign(args.request.headers, headers);
      return await next(args);
    },
    { step: "build", name: "cloudimgHeaders" },
  );
  return command;
}

/** Told the headers of the answer. */
export function seeingHeaders<C extends { middlewareStack: { add(...parameters: never[]): void } }>(
  command: C,
  see: (headers: Readonly<Record<string, string>>) => void,
): C {
  interface Answer {
    readonly response: { readonly headers?: Record<string, string> };
  }
  const stack = command.middlewareStack as unknown as {
    add(
      middleware: (next: (args: unknown) => Promise<Answer>) => (args: unknown) => Promise<Answer>,
      options: { readonly step: "deserialize"; readonly priority: "low"; readonly name: string },
    ): void;
  };
  stack.add(
    (next) => async (args) => {
      const answer = await next(args);
      see(answer.response.headers ?? {});
      return answer;
    },
    { step: "deserialize", priority: "low", name: "cloudimgAnswer" },
  );
  return command;
}
