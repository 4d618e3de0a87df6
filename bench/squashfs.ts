import { spawn } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { squashfsWriter } from "../src/build/filesystems/squashfs.ts";
import type { Compression } from "../src/build/filesystems/squashfs-compress.ts";
import { obtainTools } from "../src/build/tools.ts";
import { createContext } from "../src/commands/environment.ts";
import type { ByteSource } from "../src/core/byte-source.ts";
import { formatBytes } from "../src/core/format.ts";
import { emitSource } from "../src/core/output.ts";
import { Tree } from "../src/core/tree.ts";

/**
 * Makes a squashfs of every so many-th file of this machine's /usr, 300 MB of them, by cloudimg and by mksquashfs in turns with the same compressor, block size and
 * number of threads, and prints the ratios of median times and of sizes. Both are whole processes that write to a new file; the files' pages are in memory.
 *
 *     node bench/squashfs.ts [zstd|xz|gzip]
 */
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 3);
const contentBytes = 300_000_000;
const jobs = 2;
const mostTime = 1.2;
const mostSize = 1.02;

const [first = "zstd", ...rest] = process.argv.slice(2);
if (first === "make") await make(rest[0] as Compression, rest[1] as string, rest[2] as string);
else await compare(first);

async function compare(compression: string): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "cloudimg-bench-"));
  const context = createContext(() => {}, new AbortController().signal, jobs);
  try {
    const mksquashfs = (await obtainTools(["squashfs-tools"], context)).command("mksquashfs");
    const directory = join(scratch, "root");
    const files = sample("/usr", directory);
    const [ourImage, theirImage, report] = ["ours", "theirs", "rss"].map((name) => join(scratch, name)) as [
      string,
      string,
      string,
    ];
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const words = [here("report-rss.ts"), here("squashfs.ts"), "make", compression, directory, ourImage];
      ours.push(await time([process.execPath, "--import", ...words], { CLOUDIMG_BENCH_RSS: report }));
      const options = ["-comp", compression, "-processors", `${jobs}`, "-b", "128K", "-noappend", "-no-progress"];
      theirs.push(await time([...mksquashfs, directory, theirImage, "-quiet", ...options], {}));
    }
    const [ourBytes, theirBytes] = [statSync(ourImage).size, statSync(theirImage).size];
    const timeRatio = median(ours) / median(theirs);
    const sizeRatio = ourBytes / theirBytes;
    process.stdout.write(
      `squashfs of ${files} files, ${formatBytes(contentBytes)}, with ${compression}: ${timeRatio.toFixed(2)} of the time of mksquashfs (goal: ${mostTime}), ` +
        `${sizeRatio.toFixed(3)} of its size (goal: ${mostSize})\n` +
        `  rounds: ${ours.map(Math.round).join(" ")} ms against ${theirs.map(Math.round).join(" ")} ms\n` +
        `  ${formatBytes(ourBytes)} against ${formatBytes(theirBytes)}; peak memory ${formatBytes(Number(readFileSync(report, "utf8")))}\n`,
    );
    if (timeRatio > mostTime || sizeRatio > mostSize) process.exitCode = 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** What cloudimg does: a tree of a directory, a plan, one pass of writing. */
async function make(compression: Compression, directory: string, image: string): Promise<void> {
  const tree = new Tree();
  for (const path of walk(directory)) {
    const { mode, uid, gid, mtimeMs, size } = statSync(path);
    const attributes = { mode: mode & 0o7777, uid, gid, mtime: Math.floor(mtimeMs / 1000), origin: "bench" };
    const content = lazySource(path, size);
    tree.set(path.slice(directory.length), { ...attributes, type: "file", content });
  }
  const { signal } = new AbortController();
  const { source } = await squashfsWriter({ compression }).plan(
    { tree, size: { freeBytes: 0 }, label: "", uuid: "", seed: "bench", epochSeconds: 1_700_000_000 },
    { signal, jobs },
  );
  const fd = openSync(image, "w");
  await emitSource(source, fd, { signal });
  closeSync(fd);
}

/** Copies every so many-th file. Gives their number. */
function sample(from: string, to: string): number {
  const paths = [...walk(from)];
  const totalBytes = paths.reduce((sum, path) => sum + lstatSync(path).size, 0);
  const step = Math.max(1, totalBytes / contentBytes);
  let files = 0;
  for (let at = 0; at < paths.length; at += step, files++) {
    const path = paths[Math.floor(at)] as string;
    const target = join(to, path.slice(from.length));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(path, target);
  }
  return files;
}

function* walk(directory: string): Generator<string> {
  const entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.isFile()) yield path;
  }
}

function lazySource(path: string, sizeBytes: number): ByteSource {
  return {
    sizeBytes,
    extents: sizeBytes === 0 ? [] : [{ offsetBytes: 0, lengthBytes: sizeBytes }],
    read(target, offsetBytes) {
      const fd = openSync(path, "r");
      for (let done = 0; done < target.length; )
        done += readSync(fd, target, done, target.length - done, offsetBytes + done);
      closeSync(fd);
    },
  };
}

/** Milliseconds of a process. */
function time(words: readonly string[], env: Record<string, string>): Promise<number> {
  const [program = "", ...args] = words;
  const startedMs = performance.now();
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "inherit"] });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(performance.now() - startedMs);
      else reject(new Error(`${program} ended with ${code}`));
    });
  });
}

function here(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
