import { createReadStream, readFileSync } from "node:fs";
import { storeDialects } from "../src/providers/dialects.ts";
import { httpAgent } from "../src/providers/direct-connection.ts";
import { s3Store } from "../src/providers/s3-store.ts";
import { connectionTo, credentialsFor, stores, type UploadOrder, type UploadTimes } from "./upload-place.ts";

// One upload in a process of its own: `upload-once.ts ORDER`. It prints how long it took, once all is loaded, and the most memory that it ever had.
const order = JSON.parse(process.argv[2] ?? "") as UploadOrder;
const { cloud, region } = stores[order.store];
const sdk = await import("@aws-sdk/client-s3");
const { Upload } = await import("@aws-sdk/lib-storage");

async function byCloudimg(): Promise<void> {
  const { path, sizeBytes, sha256, bucket, key, workers, partSizeBytes } = order;
  const options = { workers, partSizeBytes };
  const store = s3Store(storeDialects[cloud], credentialsFor(order), connectionTo(order.port), options);
  const onProgress = () => {};
  await store.upload(
    { path, sizeBytes, sha256, bucket, key, statePath: `${path}.upload.json`, onProgress },
    {
      emit: () => {},
      signal: new AbortController().signal,
      directories: { cache: "", data: "" },
      environment: {},
      jobs: 1,
    },
  );
}

/** As its own documentation has it. */
async function byLibStorage(): Promise<void> {
  const { path, bucket, key, workers, partSizeBytes, accessKeyId, secretAccessKey } = order;
  const client = new sdk.S3Client({
    region,
    endpoint: `https://${storeDialects[cloud].endpoint(region)}`,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { httpsAgent: httpAgent(connectionTo(order.port)) },
  });
  const Body = createReadStream(path);
  const upload = new Upload({
    client,
    params: { Bucket: bucket, Key: key, Body },
    queueSize: workers,
    partSize: partSizeBytes,
  });
  await upload.done();
  client.destroy();
}

const startedMs = performance.now();
const startedUs = process.cpuUsage();
if (order.by === "cloudimg") await byCloudimg();
if (order.by === "lib-storage") await byLibStorage();
const ms = performance.now() - startedMs;
const { user, system } = process.cpuUsage(startedUs);
// `maxRSS` would be that of the process which started this one, if that was larger.
const peakKib = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
const times: UploadTimes = { ms, cpuMs: (user + system) / 1000, peakBytes: Number(peakKib) * 1024 };
console.log(JSON.stringify(times));
