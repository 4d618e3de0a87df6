import { beforeAll, describe, expect, test } from "vitest";
import { cleanRun } from "../../src/providers/clean-cloud.ts";
import { type FaultPlan, makeFaultPlan } from "../../src/rehearsal/faults.ts";
import { chaosOf, survive } from "./clouds-chaos.ts";
import { cloudNames, inCloud, leftBesides } from "./clouds-play.ts";
import { cloudsPublish, everything } from "./clouds-publish.ts";

// Publishes by the real providers while calls fail, answers are lost, and somebody interrupts, all by chance of a seed: nothing that was published is lost, nothing else is left.

/** Its thousands of files take a second to load, and half a minute on a machine that is busy. */
beforeAll(() => import("@alicloud/ecs20140526"), 180_000);

const seeds = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 2);
const first = Number(process.env["CLOUDIMG_FUZZ_FIRST"] ?? 0);
const patience = { timeout: 120_000 };

describe.each(cloudNames)("%s", patience, (name) => {
  test.each(Array.from({ length: seeds }, (_, n) => `${first + n}`))("seed %s", async (seed) => {
    await survive(chaosOf(name, seed));
  });
});

describe("what chance has found", patience, () => {
  test.each(cloudNames)(
    "%s: an older image that was deprecated is published again, and is usable again",
    async (name) => {
      await inCloud(name, {}, async (play) => {
        const configuration = everything(name);
        const publish = async (identity: string) => {
          const { error, report } = await play.publish({ identity: identity.repeat(64), configuration });
          expect(error).toBeUndefined();
          return report?.images.map(({ id }) => id);
        };
        const first = await publish("a");
        await publish("b");
        expect(await publish("a")).toEqual(first);
        const { request, context } = await cloudsPublish(play.order, play.rehearsal);
        for (const id of first ?? []) {
          const region = play.rehearsal.left().find((image) => image.id === id)?.region ?? "";
          const [image] = await request.cloud.images.find({ handle: { imageId: id, name: "", region } }, context);
          expect(image?.isDeprecated ?? false).toBe(false);
        }
      });
    },
  );

  test("huawei: an instance whose launch is not answered in time, in a cloud that is down then, stays in the ledger", async () => {
    const plan = makeFaultPlan();
    let isDown = false;
    const faults: FaultPlan = {
      ...plan,
      take(service, operation) {
        isDown ||= operation === "ShowJob" && service === "ecs";
        return isDown ? { kind: "status", status: 503 } : plan.take(service, operation);
      },
    };
    await inCloud("huawei", { faults }, async (play) => {
      const { run } = await play.publish();
      expect(run?.ledger["instance"]).toMatchObject({ state: "intended" });
      expect(leftBesides(play, undefined)).toContainEqual(expect.stringMatching(/^instance /));
      Object.assign(faults, plan);
      const { request, context } = await cloudsPublish(play.order, play.rehearsal);
      if (run === undefined) throw new Error("there is no run");
      expect(await cleanRun(run, request, context)).toEqual([]);
      expect(leftBesides(play, undefined)).toEqual([]);
    });
  });
});
