import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ext4 } from "../src/build/filesystems/ext4.ts";
import type { ByteSource } from "../src/core/byte-source.ts";
import { formatBytes } from "../src/core/format.ts";
import { emitSource } from "../src/core/output.ts";
import { Tree } from "../src/core/tree.ts";

/**
 * Makes an ext4 of 30,000 files and 2 GB from a directory, by cloudimg and by `mke2fs -d` in turns, with the same features and of the same size, and prints the ratio of
 * medians. Both are whole processes that write to a new file; the directory's pages are in memory. The result is checked by e2fsck.
 */
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
const fileCount = 30_000;
const contentBytes = 2_000_000_000;
const imageBytes = 2560 * 2 ** 20;
const features =
  "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize";

if (process.argv[2] === "make") await make(process.argv[3] as string, process.argv[4] as string);
else await compare();

async function compare(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "cloudimg-bench-"));
  try {
    const directory = join(scratch, "root");
    fillDirectory(directory);
    const image = join(scratch, "image");
    const report = join(scratch, "rss");
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const ourMs = await time(
        image,
        [process.execPath, "--import", here("report-rss.ts"), here("ext4.ts"), "make", directory, image],
        {
          CLOUDIMG_BENCH_RSS: report,
        },
      );
      if (round === 0) check(image);
      const size = `${imageBytes / 1024}k`;
      const words = [
        "mke2fs",
        "-q",
        "-F",
        "-t",
        "ext4",
        "-b",
        "4096",
        "-O",
        features,
        "-E",
        "lazy_itable_init=0",
        "-d",
      ];
      const theirMs = await time(image, [...words, directory, image, size], {});
      // The first round warms up what is to be warm.
      if (round === 0) continue;
      ours.push(ourMs);
      theirs.push(theirMs);
    }
    const ratio = median(ours) / median(theirs);
    process.stdout.write(
      `ext4 of ${fileCount} files, ${formatBytes(contentBytes)}: ${ratio.toFixed(2)} of the time of mke2fs -d (goal: below 1)\n` +
        `  rounds: ${ours.map(Math.round).join(" ")} ms against ${theirs.map(Math.round).join(" ")} ms\n` +
        `  peak memory ${formatBytes(Number(readFileSync(report, "utf8")))}\n`,
    );
    if (ratio >= 1) process.exitCode = 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** What cloudimg does: a tree of a directory, a plan, one pass of writing. */
async function make(directory: string, image: string): Promise<void> {
  const tree = new Tree();
  addDirectory(tree, directory, "");
  const { source } = ext4.plan({
    tree,
    size: { exactBytes: imageBytes },
    label: "",
    uuid: "6f1d7c52-0b7e-8a31-9c4e-2f4c8e0d5b11",
    seed: "bench",
    epochSeconds: 1_700_000_000,
  });
  const fd = openSync(image, "w");
  await emitSource(source, fd, { signal: new AbortController().signal });
  closeSync(fd);
}

function addDirectory(tree: Tree, directory: string, path: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const from = join(directory, entry.name);
    const to = `${path}/${entry.name}`;
    const { mode, uid, gid, mtimeMs, size } = statSync(from);
    const attributes = { mode: mode & 0o7777, uid, gid, mtime: Math.floor(mtimeMs / 1000), origin: "bench" };
    if (entry.isDirectory()) {
      tree.set(to, { ...attributes, type: "directory" });
      addDirectory(tree, from, to);
    } else tree.set(to, { ...attributes, type: "file", content: lazySource(from, size) });
  }
}

/** A file that is open only while it is read from start to end: 30,000 at once would be too many. */
function lazySource(path: string, sizeBytes: number): ByteSource {
  let fd: number | undefined;
  return {
    sizeBytes,
    extents: sizeBytes === 0 ? [] : [{ offsetBytes: 0, lengthBytes: sizeBytes }],
    read(target, offsetBytes) {
      fd ??= openSync(path, "r");
      for (let done = 0; done < target.length; )
        done += readSync(fd, target, done, target.length - done, offsetBytes + done);
      if (offsetBytes + target.length < sizeBytes) return;
      closeSync(fd);
      fd = undefined;
    },
  };
}

/** Sizes as in a root file system: most files small, most bytes in few large ones. */
function fillDirectory(directory: string): void {
  const block = new Uint8Array(1024 * 1024);
  for (let at = 0; at < block.length; at++) block[at] = (Math.imul(at, 2_654_435_761) >>> 13) | 1;
  const small = (index: number): number => (index * 7919) % 40_000;
  const large = 300;
  let left = contentBytes;
  for (let index = 0; index < fileCount - large; index++) left -= small(index);
  for (let index = 0; index < fileCount; index++) {
    const folder = join(directory, `part-${index % 30}`, `dir-${index % 600}`);
    if (index < 600) mkdirSync(folder, { recursive: true });
    const bytes = index < fileCount - large ? small(index) : Math.floor(left / large);
    const fd = openSync(join(folder, `file-${index}`), "w");
    for (let done = 0; done < bytes; done += block.length)
      writeFileSync(fd, block.subarray(0, Math.min(block.length, bytes - done)));
    closeSync(fd);
  }
}

/** Milliseconds of a process that makes a file; the file is gone before it begins. */
function time(image: string, words: readonly string[], env: Record<string, string>): Promise<number> {
  rmSync(image, { force: true });
  const [program = "", ...args] = words;
  const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  const startedMs = performance.now();
  const child = spawn(program, args, {
    env: { ...process.env, PATH: path, ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(performance.now() - startedMs);
      else reject(new Error(`${program} ended with ${code}`));
    });
  });
}

function check(image: string): void {
  const { status, stdout } = spawnSync("/usr/sbin/e2fsck", ["-fn", image], { encoding: "utf8" });
  if (status !== 0) throw new Error(stdout);
}

function here(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
