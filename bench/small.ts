import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createContext } from "../src/commands/environment.ts";

/**
 * Times what should take no time: a build with nothing to do, one after a change of a file, and plans; each in a new process, as a user starts it, with all in the
 * cache. Medians of wall time, and of processor time, which a busy machine changes less; see README.md.
 */
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 9);
const repository = fileURLToPath(new URL("..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "cloudimg-bench-"));
const { cache } = createContext(() => {}, new AbortController().signal, undefined).directories;
// The command keeps its compiled code by itself, what is not the command does not.
const environment = {
  ...process.env,
  CLOUDIMG_CACHE: join(scratch, "cache"),
  NODE_COMPILE_CACHE: join(scratch, "compiled"),
};
const profiles = ["local", "live", "appliance"];

interface Run {
  readonly ms: number;
  readonly cpuMs: number;
}

try {
  cpSync(join(repository, "cloud-profiles"), join(scratch, "profiles"), { recursive: true });
  // What is downloaded already need not be downloaded again.
  for (const name of ["downloads", "indexes"])
    cpSync(join(cache, name), join(scratch, "cache", name), { recursive: true, force: false, errorOnExist: false });
  const pathOf = (name: string) => join(scratch, "profiles", `${name}.yaml`);
  const local = readFileSync(pathOf("local"), "utf8");
  const cloudimg = (...words: string[]) => run([join(repository, "bin/cloudimg.js"), ...words]);
  const build = () => cloudimg("build", pathOf("local"), "--format", "raw", "--output", join(scratch, "out"));

  const rows = [["what", "wall time", "processor time", "goal", "met"]];
  const measure = async (what: string, goalMs: number | undefined, once: (round: number) => Promise<Run>) => {
    // The first round fills the cache.
    const runs: Run[] = [];
    for (let round = 0; round <= rounds; round++) runs.push(await once(round));
    const median = (key: keyof Run) =>
      runs
        .slice(1)
        .map((each) => each[key])
        .toSorted((a, b) => a - b)[Math.floor(rounds / 2)] as number;
    const isMet = goalMs === undefined ? "" : median("ms") <= goalMs ? "yes" : "NO";
    const goal = goalMs === undefined ? "" : `≤ ${goalMs} ms`;
    rows.push([what, `${median("ms").toFixed(0)} ms`, `${median("cpuMs").toFixed(0)} ms`, goal, isMet]);
    process.stderr.write(`${what}: done\n`);
  };

  await measure("build, nothing has changed", 300, build);
  await measure("build to raw, one file changed", 1000, (round) => {
    writeFileSync(pathOf("local"), local.replace("Made by cloudimg", `Round ${round}, made by cloudimg`));
    return build();
  });
  for (const name of profiles) {
    await measure(`plan of ${name}, whole process`, undefined, () => cloudimg("plan", pathOf(name)));
    await measure(`plan of ${name}, once the program is loaded`, 100, async () => {
      const report = join(scratch, "plan.json");
      await run([join(repository, "bench/plan-once.ts"), pathOf(name), report]);
      return JSON.parse(readFileSync(report, "utf8")) as Run;
    });
  }
  const widths = (rows[0] as string[]).map((_, column) =>
    Math.max(...rows.map((cells) => (cells[column] as string).length)),
  );
  for (const cells of rows)
    process.stdout.write(`${cells.map((cell, column) => cell.padEnd(widths[column] as number)).join("  ")}\n`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Runs a program of Node's to its end; it must succeed. */
function run(words: readonly string[]): Promise<Run> {
  const startedMs = performance.now();
  // What the processor did for it is known to its own exit only.
  const report = join(scratch, "cpu");
  const hook = `process.on("exit",()=>{const{user:u,system:s}=process.cpuUsage();process.getBuiltinModule("fs").writeFileSync(${JSON.stringify(report)},String((u+s)/1000))})`;
  const child = spawn(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(hook)}`, ...words], {
    env: environment,
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
      if (code === 0) resolve({ ms, cpuMs: Number(readFileSync(report, "utf8")) });
      else reject(new Error(`${words[0]} ended with ${code}: ${said}`));
    });
  });
}
