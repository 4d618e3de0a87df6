import { spawn } from "node:child_process";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context } from "../src/core/context.ts";
import type { Tree } from "../src/core/tree.ts";
import { mergeUsr } from "../src/core/usr-merge.ts";
import { peerPath } from "./peer-tools.ts";

/** What the peers make: the same packages, cut down to the same files, on a root file system of the same size. */
export interface PeerJob {
  /** Paths of the packages that go into the image, in the order of the lock. */
  readonly debs: readonly string[];
  /** Paths in those packages, without the leading slash, that the image does not have: see `leftOut`. */
  readonly leaveOut: readonly string[];
  /** Names of the modules in the initrd; what they depend on goes with them. */
  readonly initrdModules: readonly string[];
  readonly rootBytes: number;
}

/** Programs to run them with. */
export interface Peers {
  /** Unpack, index, pack, `mke2fs -d`, `qemu-img convert -c`. `qcow2Ms` counts from the start. */
  plainTools(job: PeerJob, workDir: string): Promise<{ rawMs: number; qcow2Ms: number }>;
  /** `qemu-img convert -c` of a raw disk. */
  convert(raw: string, qcow2: string): Promise<{ ms: number; bytes: number }>;
  /** One tar of all packages into mke2fs: no depmod, no initrd. */
  tarMerge(job: PeerJob, workDir: string): Promise<{ rawMs: number }>;
  /** The job's `leaveOut`: topmost paths of the packages that a planned tree has nothing of. */
  leftOut(debs: readonly string[], tree: Tree): Promise<string[]>;
}

const here = dirname(fileURLToPath(import.meta.url));

/** Finds or obtains the programs. Errors: as `peerPath`. */
export async function openPeers(toolsDir: string, context: Context): Promise<Peers> {
  const path = await peerPath(toolsDir, context);
  const run = (words: readonly string[], input: string) => runToEnd(words, input, path, context.signal);
  const convert = async (raw: string, qcow2: string) => {
    const { ms } = await run(["qemu-img", "convert", "-c", "-O", "qcow2", raw, qcow2], "");
    return { ms, bytes: statSync(qcow2).size };
  };
  return {
    async plainTools(job, workDir) {
      prepare(job, workDir);
      const words = [
        "fakeroot",
        join(here, "plain-tools.sh"),
        workDir,
        `${job.rootBytes}`,
        job.initrdModules.join(" "),
      ];
      const { ms: rawMs } = await run(words, lines(job.debs));
      const { ms } = await convert(join(workDir, "disk.raw"), join(workDir, "disk.qcow2"));
      return { rawMs, qcow2Ms: rawMs + ms };
    },
    convert,
    async tarMerge(job, workDir) {
      prepare(job, workDir);
      const { ms } = await run(["bash", join(here, "tar-merge.sh"), workDir, `${job.rootBytes}`], lines(job.debs));
      return { rawMs: ms };
    },
    async leftOut(debs, tree) {
      const script = 'while read -r deb; do dpkg-deb --fsys-tarfile "$deb" | tar -t; done';
      const { output } = await run(["bash", "-o", "pipefail", "-e", "-c", script], lines(debs));
      return topmostMissing(output.split("\n"), tree);
    },
  };
}

function lines(words: readonly string[]): string {
  return words.map((word) => `${word}\n`).join("");
}

function prepare({ leaveOut }: PeerJob, workDir: string): void {
  rmSync(workDir, { recursive: true, force: true });
  mkdirSync(workDir, { recursive: true });
  writeFileSync(join(workDir, "leave-out"), lines(leaveOut));
}

/** Our modules are not compressed any more. */
function inOurTree(path: string): string {
  return mergeUsr(path).replace(/\.ko\.xz$/, ".ko");
}

function topmostMissing(listing: readonly string[], tree: Tree): string[] {
  const paths = [...new Set(listing.map((line) => line.replace(/^\.\//, "").replace(/\/$/, "")))]
    .filter(Boolean)
    .sort();
  const needed = new Set<string>();
  for (const path of paths)
    if (tree.has(inOurTree(`/${path}`)))
      for (let at = path; at !== "" && !needed.has(at); at = at.slice(0, Math.max(0, at.lastIndexOf("/"))))
        needed.add(at);
  return paths.filter((path) => {
    const slash = path.lastIndexOf("/");
    return !needed.has(path) && (slash < 0 || needed.has(path.slice(0, slash)));
  });
}

/** Runs a program to its end. Throws what it said if it fails. */
function runToEnd(
  words: readonly string[],
  input: string,
  path: string,
  signal: AbortSignal,
): Promise<{ ms: number; output: string }> {
  const [program, ...args] = words;
  const startedMs = performance.now();
  const child = spawn(program as string, args, { env: { ...process.env, PATH: path, LC_ALL: "C.UTF-8" }, signal });
  child.stdin.end(input);
  const output: Buffer[] = [];
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      const ms = performance.now() - startedMs;
      if (code === 0) resolve({ ms, output: Buffer.concat(output).toString() });
      else
        reject(
          new Error(`${words.slice(0, 2).join(" ")} ended with ${code}: ${Buffer.concat(said).toString().trim()}`),
        );
    });
  });
}
