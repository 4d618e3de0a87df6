import { beforeAll, describe, test } from "vitest";
import { chaosOf, survive } from "./clouds-chaos.ts";
import { cloudNames } from "./clouds-play.ts";

// Publishes by the real providers while calls fail, answers are lost, and somebody interrupts, all by chance of a seed: nothing that was published is lost, nothing else is left.

/** Its thousands of files take a second to load, and half a minute on a machine that is busy. */
beforeAll(() => import("@alicloud/ecs20140526"), 180_000);

const seeds = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 6);
const first = Number(process.env["CLOUDIMG_FUZZ_FIRST"] ?? 0);
const patience = { timeout: 120_000 };

describe.each(cloudNames)("%s", patience, (name) => {
  test.each(Array.from({ length: seeds }, (_, n) => `${first + n}`))("seed %s", async (seed) => {
    await survive(chaosOf(name, seed));
  });
});
