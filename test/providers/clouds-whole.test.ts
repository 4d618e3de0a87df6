import { beforeAll, describe, expect, test } from "vitest";
import { cloudNames, inCloud, leftBesides, madeIn } from "./clouds-play.ts";
import { everything } from "./clouds-publish.ts";

/** Its thousands of files take a second to load, and half a minute on a machine that is busy. */
beforeAll(() => import("@alicloud/ecs20140526"), 180_000);

describe.each(cloudNames)("%s", (name) => {
  test("all that a publish does, twice: the second finds the images there", async () => {
    await inCloud(name, {}, async (play) => {
      const first = await play.publish({ configuration: everything(name) });
      expect(first.error).toBeUndefined();
      expect(first.report?.images).toHaveLength(2);
      expect(first.report?.instance.results.every(({ ok }) => ok)).toBe(true);
      expect(first.report?.leftovers).toEqual([]);
      expect(leftBesides(play, first.report)).toEqual([]);
      const again = await play.publish({ configuration: everything(name) });
      expect(again.error).toBeUndefined();
      expect(again.report?.images.map(({ id, existed }) => [id, existed])).toEqual(
        first.report?.images.map(({ id }) => [id, true]),
      );
      expect(madeIn(play)["image"]).toBe(2);
      expect(madeIn(play)["object"]).toBe(1);
      expect(leftBesides(play, again.report)).toEqual([]);
    });
  });
});
