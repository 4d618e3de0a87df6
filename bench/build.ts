import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { emitImage } from "../src/build/disk-formats/emit.ts";
import { qcow2 } from "../src/build/disk-formats/qcow2.ts";
import { obtainLock } from "../src/build/locking.ts";
import { planImage } from "../src/build/pipeline.ts";
import { createContext } from "../src/commands/environment.ts";
import { openProfile } from "../src/commands/open-profile.ts";
import { contentPath } from "../src/core/cache.ts";
import { formatBytes } from "../src/core/format.ts";
import { openPeers } from "./peers.ts";

/**
 * Builds cloud-profiles/local.yaml with cloudimg and with what others would use, in turns, and prints ratios of medians. All start from the downloaded
 * archives and nothing else; see README.md.
 */
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
const repository = fileURLToPath(new URL("..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "cloudimg-bench-"));
const context = createContext(() => {}, new AbortController().signal, undefined);

try {
  const loaded = await openProfile("local", context);
  const lock = await obtainLock(loaded, { mode: "keep", allowExpired: false }, context);
  const planned = await planImage({ loaded, lock, allowExpired: false }, context);
  const debs = lock.packages
    .filter(({ purpose }) => purpose === "image")
    .map(({ sha256 }) => contentPath(context, sha256));
  const peers = await openPeers(join(scratch, "tools"), context);
  const job = {
    debs,
    leaveOut: await peers.leftOut(debs, planned.tree),
    initrdModules: loaded.profile.kernel.initrdModules,
    rootBytes: planned.root.sizeBytes,
  };
  const profileDirectory = join(scratch, "profiles");
  cpSync(join(repository, "cloud-profiles"), profileDirectory, { recursive: true });
  const profile = join(profileDirectory, "local.yaml");
  const original = readFileSync(profile, "utf8");

  const times: Record<string, number[]> = {};
  const note = (name: string, ms: number) => {
    times[name] ??= [];
    times[name].push(ms);
  };
  let peakBytes = 0;
  let ourBytes = 0;
  let peerBytes = 0;
  const build = async (formats: readonly string[]) => {
    const { ms, maxRssBytes } = await runOurs([
      profile,
      "--locked",
      "--output",
      join(scratch, "out"),
      "--format",
      ...formats,
    ]);
    peakBytes = Math.max(peakBytes, maxRssBytes);
    return ms;
  };
  cpSync(join(context.directories.cache, "downloads"), join(scratch, "cache", "downloads"), { recursive: true });
  await build(["qcow2"]);
  for (let round = 0; round < rounds; round++) {
    emptyCache();
    note("ours raw", await build(["raw"]));
    emptyCache();
    note("ours qcow2", await build(["qcow2"]));
    note("ours again raw", await build(["raw"]));
    writeFileSync(profile, original.replace("Made by cloudimg", `Round ${round}, made by cloudimg`));
    note("ours changed raw", await build(["raw"]));
    note("ours changed qcow2", await build(["qcow2"]));
    writeFileSync(profile, original);
    const plain = await peers.plainTools(job, join(scratch, "plain"));
    note("plain raw", plain.rawMs);
    note("plain qcow2", plain.qcow2Ms);
    note("merge raw", (await peers.tarMerge(job, join(scratch, "merge"))).rawMs);
    await build(["raw"]);
    const converted = await peers.convert(join(scratch, "out", "local.raw"), join(scratch, "peer.qcow2"));
    note("qemu-img", converted.ms);
    peerBytes = converted.bytes;
    const startedMs = performance.now();
    const outputs = [{ format: qcow2, path: join(scratch, "ours.qcow2") }];
    const emitted = await emitImage(
      { source: planned.source, outputs, compress: true, clusterSizeBytes: 65536 },
      context,
    );
    note("ours", performance.now() - startedMs);
    ourBytes = emitted.files[0]?.sizeBytes ?? 0;
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
  }

  const median = (name: string) =>
    (times[name] as number[]).toSorted((a, b) => a - b)[Math.floor(rounds / 2)] as number;
  const row = (what: string, ours: string, peer: string, goal: number) => {
    const ratio = median(ours) / median(peer);
    const seconds = (name: string) => `${(median(name) / 1000).toFixed(2)} s`;
    return [
      what,
      seconds(ours),
      `${peer} ${seconds(peer)}`,
      ratio.toFixed(2),
      `≤ ${goal}`,
      ratio <= goal ? "yes" : "NO",
    ];
  };
  const rows = [
    ["what", "cloudimg", "peer", "ratio", "goal", "met"],
    row("cold build to raw", "ours raw", "plain raw", 0.5),
    row("cold build to qcow2 -c", "ours qcow2", "plain qcow2", 0.5),
    row("cold build to raw", "ours raw", "merge raw", 1),
    row("one file changed, to raw", "ours changed raw", "plain raw", 0.25),
    row("one file changed, to qcow2 -c", "ours changed qcow2", "plain qcow2", 0.25),
    row("that disk to qcow2 -c", "ours", "qemu-img", 1),
    [
      "its size",
      formatBytes(ourBytes),
      `qemu-img ${formatBytes(peerBytes)}`,
      (ourBytes / peerBytes).toFixed(2),
      "≤ 1",
      ourBytes <= peerBytes ? "yes" : "NO",
    ],
    ["peak memory", formatBytes(peakBytes), "", "", "≤ 400 MB", peakBytes <= 400e6 ? "yes" : "NO"],
  ];
  const widths = (rows[0] as string[]).map((_, column) =>
    Math.max(...rows.map((cells) => (cells[column] as string).length)),
  );
  for (const cells of rows)
    process.stdout.write(`${cells.map((cell, column) => cell.padEnd(widths[column] as number)).join("  ")}\n`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** A cache with nothing but the downloads and the program's own compiled code, which the published package has too. */
function emptyCache(): void {
  const cache = join(scratch, "cache");
  for (const name of ["unpacked", "indexes", "tools"]) rmSync(join(cache, name), { recursive: true, force: true });
}

/** One run as a user starts it, with its whole start-up. */
function runOurs(words: readonly string[]): Promise<{ ms: number; maxRssBytes: number }> {
  const report = join(scratch, "rss");
  const env = { ...process.env, CLOUDIMG_CACHE: join(scratch, "cache"), CLOUDIMG_BENCH_RSS: report };
  const startedMs = performance.now();
  const hook = join(repository, "bench", "report-rss.ts");
  const child = spawn(process.execPath, ["--import", hook, join(repository, "src/start.ts"), "build", ...words], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      const ms = performance.now() - startedMs;
      if (code === 0) resolve({ ms, maxRssBytes: Number(readFileSync(report, "utf8")) });
      else reject(new Error(`cloudimg build ended with ${code}: ${said}`));
    });
  });
}
