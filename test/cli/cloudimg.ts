import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export const repository = fileURLToPath(new URL("../..", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly environment?: Record<string, string | undefined>;
  /** Instead of the test's own environment. */
  readonly onlyEnvironment?: Record<string, string>;
  /** Options of Node itself, before the program. */
  readonly nodeOptions?: readonly string[];
  /** Where the program is, instead of this repository. */
  readonly checkout?: string;
  /** Whom it runs as; only root may choose. */
  readonly uid?: number;
  /** A file descriptor for standard output, instead of a pipe. */
  readonly output?: number;
}

/** A directory of the test's own that goes away with it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts the real command line as a user does. */
export function startCloudimg(args: readonly string[], options: RunOptions = {}): ChildProcess {
  const { checkout = repository, uid, nodeOptions = [], onlyEnvironment } = options;
  return spawn(process.execPath, [...nodeOptions, join(checkout, "src/start.ts"), ...args], {
    cwd: options.cwd ?? repository,
    env: (onlyEnvironment ?? { ...process.env, ...options.environment }) as NodeJS.ProcessEnv,
    stdio: ["ignore", options.output ?? "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

export async function finished(child: ChildProcess): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

export async function cloudimg(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return await finished(startCloudimg(args, options));
}
