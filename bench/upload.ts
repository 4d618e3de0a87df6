import { type ChildProcess, execFile, fork } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { formatBytes } from "../src/core/format.ts";
import type { stores, UploadOrder, UploadTimes } from "./upload-place.ts";

/**
 * Uploads a file of 1 GiB to the emulated object stores, by cloudimg and by the Upload of @aws-sdk/lib-storage in turns; see README.md. Each upload, and each store, is a process
 * of its own.
 */
const mib = 1024 * 1024;
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 3);
const sizeBytes = Number(process.env["BENCH_MIB"] ?? 1024) * mib;
const partSizeBytes = 8 * mib;
const workers = 4;
const goal = 1.5;
const scratch = mkdtempSync(join(tmpdir(), "cloudimg-bench-"));
const path = join(scratch, "disk.qcow2");
const scriptOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** glibc gives the memory of each socket's read back to the kernel and takes it again, which costs a store more than all the rest: then it is the store that is measured. */
const keepMemory = {
  MALLOC_TRIM_THRESHOLD_: "268435456",
  MALLOC_TOP_PAD_: "67108864",
  MALLOC_MMAP_THRESHOLD_: "33554432",
};

let leftByLast: string | undefined;

type Place = Pick<UploadOrder, "port" | "bucket" | "accessKeyId" | "secretAccessKey">;

try {
  const sha256 = fillFile();
  const rows = [["store", "cloudimg", "lib-storage", "throughput", "processor time", "memory", "of lib-storage"]];
  const names = process.argv.slice(2) as (keyof typeof stores)[];
  for (const store of names.length > 0 ? names : (["cos", "oss", "obs"] as const))
    rows.push(await compare(store, sha256));
  printTable(rows);
  process.stdout.write(`goals: cos ≥ ${goal} of the throughput; at most ${formatBytes(limitBytes())} of memory\n\n`);
  await cutOff(sha256);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Beyond what a process has that has only loaded the SDK. */
function limitBytes(): number {
  return workers * partSizeBytes + 64 * mib;
}

/** Nothing in it is a hole, and no two parts are alike. */
function fillFile(): string {
  const fd = openSync(path, "w");
  const hash = createHash("sha256");
  for (let at = 0; at < sizeBytes; at += mib) {
    const bytes = randomBytes(mib);
    hash.update(bytes);
    writeSync(fd, bytes, 0, mib, at);
  }
  closeSync(fd);
  return hash.digest("hex");
}

async function compare(store: keyof typeof stores, sha256: string): Promise<string[]> {
  const ours: UploadTimes[] = [];
  const theirs: UploadTimes[] = [];
  const none: UploadTimes[] = [];
  const uploadBy = async (by: UploadOrder["by"]) => {
    const server = await startStore(store);
    const times = await upload(orderOf({ by, store, sha256, key: "disk.qcow2" }, server.place));
    await server.end();
    return times;
  };
  for (let round = 0; round < rounds; round++) none.push(await uploadBy("nobody"));
  await uploadBy("cloudimg");
  for (let round = 0; round < rounds; round++) {
    // Were there something about being first, each is, in turn.
    const both = ["cloudimg", "lib-storage"] as const;
    for (const by of round % 2 === 0 ? both : both.toReversed())
      (by === "cloudimg" ? ours : theirs).push(await uploadBy(by));
    process.stderr.write(`${store}, round ${round + 1} of ${rounds}: done\n`);
  }
  const rate = (times: readonly UploadTimes[]) => sizeBytes / 1e6 / (median(times, "ms") / 1000);
  const memory = (times: readonly UploadTimes[]) => formatBytes(median(times, "peakBytes") - median(none, "peakBytes"));
  const ratio = rate(ours) / rate(theirs);
  return [
    store,
    `${rate(ours).toFixed(0)} MB/s`,
    `${rate(theirs).toFixed(0)} MB/s`,
    ratio.toFixed(2),
    (median(ours, "cpuMs") / median(theirs, "cpuMs")).toFixed(2),
    memory(ours),
    memory(theirs),
  ];
}

/** Kills the uploader when the store has about half, and lets another go on. */
async function cutOff(sha256: string): Promise<void> {
  const server = await startStore("cos");
  const order = orderOf({ by: "cloudimg", store: "cos", sha256, key: "cut.qcow2" }, server.place);
  const child = execFile(process.execPath, [scriptOf("upload-once.ts"), JSON.stringify(order)]);
  const ended = once(child, "exit");
  while ((await server.receivedBytes()) < sizeBytes / 2) {
    if (child.exitCode !== null) throw new Error("the upload was over before it could be cut off");
  }
  child.kill("SIGKILL");
  await ended;
  await upload(order);
  const againBytes = (await server.receivedBytes()) - sizeBytes;
  await server.end();
  const isMet = againBytes <= workers * partSizeBytes ? "yes" : "NO";
  process.stdout.write(`killed at half, and run again: ${formatBytes(againBytes)} were sent twice`);
  process.stdout.write(`; goal ≤ ${formatBytes(workers * partSizeBytes)}: ${isMet}\n`);
}

function orderOf(order: Pick<UploadOrder, "by" | "store" | "sha256" | "key">, place: Place): UploadOrder {
  return { ...order, ...place, path, sizeBytes, workers, partSizeBytes };
}

async function upload(order: UploadOrder): Promise<UploadTimes> {
  const words = [scriptOf("upload-once.ts"), JSON.stringify(order)];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  return JSON.parse(stdout) as UploadTimes;
}

/**
 * A store keeps a gigabyte in the host's memory. What the store before it has left is removed only now, so that all of them find as much that is free and known: in a
 * virtual machine, memory that was not used for some seconds may first have to be got back from the host, which costs as much as half an upload.
 */
async function startStore(store: keyof typeof stores) {
  const directory = mkdtempSync(join(scratch, "store-"));
  const child = fork(scriptOf("upload-store.ts"), [store, directory], { env: { ...process.env, ...keepMemory } });
  const place = (await nextMessage(child)) as Place;
  if (leftByLast !== undefined) rmSync(leftByLast, { recursive: true, force: true });
  leftByLast = directory;
  return {
    place,
    async receivedBytes() {
      child.send("how much");
      return Number(await nextMessage(child));
    },
    async end() {
      const ended = once(child, "exit");
      child.disconnect();
      await ended;
    },
  };
}

async function nextMessage(child: ChildProcess): Promise<unknown> {
  return (await once(child, "message"))[0];
}

function median(runs: readonly UploadTimes[], key: keyof UploadTimes): number {
  return runs.map((each) => each[key]).toSorted((a, b) => a - b)[Math.floor(runs.length / 2)] as number;
}

function printTable(rows: readonly string[][]): void {
  const widths = (rows[0] as string[]).map((_, column) =>
    Math.max(...rows.map((cells) => (cells[column] as string).length)),
  );
  for (const cells of rows)
    process.stdout.write(
      `${cells
        .map((cell, column) => cell.padEnd(widths[column] as number))
        .join("  ")
        .trimEnd()}\n`,
    );
}
