import type { Connection } from "../src/providers/connection.ts";
import type { Credentials } from "../src/providers/credentials.ts";
import { directConnection } from "../src/providers/direct-connection.ts";

/** The emulated stores that are uploaded to. */
export const stores = {
  cos: { cloud: "tencent", region: "ap-guangzhou" },
  oss: { cloud: "alibaba", region: "cn-hangzhou" },
  obs: { cloud: "huawei", region: "cn-north-4" },
} as const;

/** What one upload is told. */
export interface UploadOrder {
  /** `nobody`: the SDK is loaded, and that is all. */
  readonly by: "cloudimg" | "lib-storage" | "nobody";
  readonly store: keyof typeof stores;
  readonly port: number;
  readonly bucket: string;
  readonly key: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly workers: number;
  readonly partSizeBytes: number;
}

export interface UploadTimes {
  readonly ms: number;
  /** Of all threads. */
  readonly cpuMs: number;
  /** Of the whole process. */
  readonly peakBytes: number;
}

export function credentialsFor({ accessKeyId, secretAccessKey, store }: UploadOrder): Credentials {
  return { accessKeyId, secretAccessKey, region: stores[store].region, origin: "the benchmark" };
}

/** All that is sent arrives at one port of loopback. */
export function connectionTo(port: number): Connection {
  return { ...directConnection, resolve: () => ({ protocol: "http:", address: "127.0.0.1", port }) };
}
