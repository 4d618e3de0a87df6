import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Starts what needs no cloud, each time in a new process, and Node alone; prints medians of wall time. See README.md. */
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 15);
const program = fileURLToPath(new URL("../bin/cloudimg.js", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "cloudimg-bench-"));
const env = { ...process.env, CLOUDIMG_CACHE: join(scratch, "cache"), CLOUDIMG_DATA: join(scratch, "data") };
const cases: readonly { words: readonly string[]; goalMs?: number }[] = [
  { words: ["-e", "0"] },
  { words: [program, "--help"], goalMs: 150 },
  { words: [program, "--version"] },
  { words: [program, "publish", "--help"] },
  { words: [program, "runs"] },
  { words: [program, "images"] },
];

try {
  const times = cases.map((): number[] => []);
  // In turns, so that what else this machine does hits all alike; the first round fills the cache.
  for (let round = 0; round <= rounds; round++) {
    for (const [index, { words }] of cases.entries()) {
      const startedMs = performance.now();
      execFileSync(process.execPath, words, { env, stdio: "pipe" });
      if (round > 0) times[index]?.push(performance.now() - startedMs);
    }
  }
  for (const [index, { words, goalMs }] of cases.entries()) {
    const sorted = times[index]?.toSorted((a, b) => a - b) ?? [];
    const medianMs = sorted[Math.floor(sorted.length / 2)] as number;
    const isMet = goalMs === undefined ? "" : `; goal ≤ ${goalMs} ms: ${medianMs <= goalMs ? "yes" : "NO"}`;
    const name = words[0] === program ? `cloudimg ${words.slice(1).join(" ")}` : "node alone";
    process.stdout.write(
      `${name.padEnd(24)}${medianMs.toFixed(0).padStart(5)} ms, at best ${sorted[0]?.toFixed(0)} ms${isMet}\n`,
    );
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
