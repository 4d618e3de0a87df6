import { writeFileSync } from "node:fs";

/** Loaded before the program: writes the peak of its memory, in bytes, to the file that the benchmark names. */
process.on("exit", () => {
  const path = process.env["CLOUDIMG_BENCH_RSS"];
  if (path !== undefined) writeFileSync(path, `${process.resourceUsage().maxRSS * 1024}`);
});
