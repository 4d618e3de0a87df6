import { existsSync, readFileSync } from "node:fs";
import { storeDialects } from "../../src/providers/dialects.ts";
import type { UploadRequest } from "../../src/providers/object-store.ts";
import { s3Store } from "../../src/providers/s3-store.ts";
import { loopback, testCredentials } from "./upload-fixture.ts";

// An upload in a process of its own: `upload-child.ts PORT REQUEST PART_SIZE`. It prints by how many bytes its memory has grown at most.
const [port, request, partSizeBytes] = process.argv.slice(2);
const asked = { ...(JSON.parse(request ?? "") as UploadRequest), onProgress: () => {} };
const store = s3Store(storeDialects.tencent, testCredentials, loopback(Number(port)), {
  partSizeBytes: Number(partSizeBytes),
  workers: 4,
});
const before = process.memoryUsage.rss();
await store.upload(asked, {
  emit: () => {},
  signal: new AbortController().signal,
  directories: { cache: "", data: "" },
  environment: {},
  jobs: 1,
});
// Not `maxRSS`: that of the process which started this one counts there as well.
const peakKib = /^VmHWM:\s*(\d+) kB$/m.exec(
  existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "",
)?.[1];
console.log(peakKib === undefined ? 0 : Number(peakKib) * 1024 - before);
