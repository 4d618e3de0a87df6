import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { obtainTools } from "../src/build/tools.ts";
import { createContext } from "../src/commands/environment.ts";
import { formatBytes } from "../src/core/format.ts";

/**
 * Converts a disk full of this host's files with cloudimg and with qemu-img, in turns, and prints ratios of medians; see README.md. cloudimg's times have
 * its whole start-up in them, and the disk's SHA-256.
 */
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 3);
const diskBytes = 512 * 1024 ** 2;
const blockBytes = 4096;
const repository = fileURLToPath(new URL("..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "cloudimg-bench-"));
const context = createContext(() => {}, new AbortController().signal, undefined);

/** What is converted to what. `goal`: at most this part of qemu-img's time. */
const cases = [
  { name: "raw to qcow2 -c", from: "raw", to: "qcow2", args: ["-c", "-O", "qcow2"], goal: 0.67 },
  { name: "raw to qcow2", from: "raw", to: "qcow2", ours: ["--no-compress"], args: ["-O", "qcow2"], goal: 1 },
  { name: "raw to VHD", from: "raw", to: "vhd", args: ["-O", "vpc"], goal: 1 },
  { name: "raw to VMDK", from: "raw", to: "vmdk", args: ["-O", "vmdk", "-o", "subformat=streamOptimized"], goal: 1 },
  { name: "raw to VDI", from: "raw", to: "vdi", args: ["-O", "vdi"], goal: 1 },
  { name: "qcow2 -c to raw", from: "qcow2", to: "raw", args: ["-O", "raw"], goal: 1 },
];

try {
  const qemuImg = (await obtainTools(["qemu-utils"], context)).command("qemu-img");
  const inputs: Record<string, string> = { raw: join(scratch, "in.raw"), qcow2: join(scratch, "in.qcow2") };
  fillDisk(inputs["raw"] as string);
  await run([...qemuImg, "convert", "-c", "-O", "qcow2", inputs["raw"] as string, inputs["qcow2"] as string]);
  const rows = [
    ["what", "cloudimg", "qemu-img", "time", "processor time", "goal", "met", "sizes", "ratio", "peak memory"],
  ];
  for (const { name, from, to, args, ours = [], goal } of cases) {
    const input = inputs[from] as string;
    const [ourPath, theirPath] = [join(scratch, `ours.${to}`), join(scratch, `theirs.${to}`)];
    const [ourRuns, theirRuns]: [Run[], Run[]] = [[], []];
    let peakBytes = 0;
    for (let round = 0; round < rounds; round++) {
      for (const path of [ourPath, theirPath]) rmSync(path, { force: true });
      theirRuns.push(await run([...qemuImg, "convert", "-m", "16", "-W", ...args, input, theirPath]));
      ourRuns.push(await run(cloudimg(["convert", input, ourPath, ...ours])));
      peakBytes = Math.max(peakBytes, Number(readFileSync(join(scratch, "rss"), "utf8")));
    }
    const [ourBytes, theirBytes] = [statSync(ourPath).size, statSync(theirPath).size];
    const [ourMs, theirMs] = [median(ourRuns, "ms"), median(theirRuns, "ms")];
    const ratio = ourMs / theirMs;
    const cpuRatio = median(ourRuns, "cpuMs") / median(theirRuns, "cpuMs");
    const isMet = ratio <= goal && ourBytes <= theirBytes * 1.001 && peakBytes <= 200e6;
    rows.push([
      name,
      `${(ourMs / 1000).toFixed(2)} s`,
      `${(theirMs / 1000).toFixed(2)} s`,
      ratio.toFixed(2),
      cpuRatio.toFixed(2),
      `≤ ${goal}`,
      isMet ? "yes" : "NO",
      `${formatBytes(ourBytes)}, ${formatBytes(theirBytes)}`,
      (ourBytes / theirBytes).toFixed(3),
      formatBytes(peakBytes),
    ]);
    process.stderr.write(`${name}: done\n`);
  }
  const widths = (rows[0] as string[]).map((_, column) =>
    Math.max(...rows.map((cells) => (cells[column] as string).length)),
  );
  for (const cells of rows)
    process.stdout.write(`${cells.map((cell, column) => cell.padEnd(widths[column] as number)).join("  ")}\n`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Files of this host, each at the start of a block as a file system places them, with some free space at the end. */
function fillDisk(path: string): void {
  const fd = openSync(path, "w");
  const directories = ["/usr/bin", "/usr/lib", "/usr/share", "/usr/sbin", "/opt", "/var/lib"];
  let at = 0;
  const endBytes = diskBytes - diskBytes / 16;
  const add = (file: string): void => {
    // One large file must not be all there is.
    const bytes = readFileSync(file).subarray(0, Math.min(24 * 1024 ** 2, endBytes - at));
    writeSync(fd, bytes, 0, bytes.length, at);
    at = Math.ceil((at + bytes.length) / blockBytes) * blockBytes;
  };
  for (const directory of directories) {
    // So that it is not all programs: no kind of file fills more than a part.
    const limit = at + endBytes / 3;
    for (const entry of filesBelow(directory)) if (at < Math.min(limit, endBytes)) add(entry);
  }
  writeSync(fd, new Uint8Array(1), 0, 1, diskBytes - 1);
  closeSync(fd);
}

function* filesBelow(directory: string): Generator<string> {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) yield* filesBelow(path);
      else if (entry.isFile()) yield path;
    }
  } catch {
    // Not there, or not ours to read.
  }
}

function cloudimg(words: readonly string[]): string[] {
  return [
    process.execPath,
    "--import",
    join(repository, "bench/report-rss.ts"),
    join(repository, "src/start.ts"),
    ...words,
  ];
}

interface Run {
  readonly ms: number;
  /** Of all processors together: what a busy machine does not change. */
  readonly cpuMs: number;
}

function median(runs: readonly Run[], key: keyof Run): number {
  return runs.map((each) => each[key]).toSorted((a, b) => a - b)[Math.floor(runs.length / 2)] as number;
}

/** Runs a program to its end. Throws what it said if it fails. */
function run(words: readonly string[]): Promise<Run> {
  const startedMs = performance.now();
  const env = { ...process.env, CLOUDIMG_BENCH_RSS: join(scratch, "rss") };
  // The shell's `times` ends with the user and system time of its children: 0m8.34s 0m0.85s
  const child = spawn("sh", ["-c", '"$@" >/dev/null; status=$?; times; exit $status', "sh", ...words], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].on("data", (text) => {
      output[stream] += text;
    });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code !== 0) return reject(new Error(`${words[0]} ended with ${code}: ${output.stderr}`));
      const times = output.stdout.trim().split("\n").at(-1) ?? "";
      const cpuMs = [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
        (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000,
        0,
      );
      resolve({ ms: performance.now() - startedMs, cpuMs });
    });
  });
}
