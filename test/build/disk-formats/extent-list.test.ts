import { expect, test } from "vitest";
import { ExtentList, inheritExtents } from "../../../src/build/disk-formats/extent-list.ts";

test("ranges that touch are one", () => {
  const list = new ExtentList();
  list.add(0, 10);
  list.add(10, 5);
  list.add(20, 0);
  list.add(30, 1);
  expect(list.extents).toEqual([
    { offsetBytes: 0, lengthBytes: 15 },
    { offsetBytes: 30, lengthBytes: 1 },
  ]);
});

test("of very many pieces the small holes between them are lost, the large ones are not, and no data", () => {
  const list = new ExtentList();
  const count = 600_000;
  const startOf = (index: number) => index * 1024 + (index < count / 2 ? 0 : 1024 ** 4);
  for (let index = 0; index < count; index++) list.add(startOf(index), 512);
  expect(list.extents.length).toBeLessThan(2 ** 18);
  const ends = list.extents.map(({ offsetBytes, lengthBytes }) => offsetBytes + lengthBytes);
  expect(list.extents.every(({ offsetBytes }, index) => index === 0 || offsetBytes > (ends[index - 1] as number))).toBe(
    true,
  );
  const covers = (at: number) =>
    list.extents.some(({ offsetBytes, lengthBytes }) => offsetBytes <= at && at < offsetBytes + lengthBytes);
  for (const index of [0, 1, 299_999, 300_000, 599_999]) expect(covers(startOf(index) + 511)).toBe(true);
  expect(covers(startOf(300_000) - 1024 ** 3)).toBe(false);
});

test("what lies under is taken over in parts", () => {
  const list = new ExtentList();
  const inherit = inheritExtents(list, [
    { offsetBytes: 0, lengthBytes: 100 },
    { offsetBytes: 200, lengthBytes: 100 },
  ]);
  inherit(10, 20);
  inherit(50, 250);
  inherit(260, 1000);
  expect(list.extents).toEqual([
    { offsetBytes: 10, lengthBytes: 10 },
    { offsetBytes: 50, lengthBytes: 50 },
    { offsetBytes: 200, lengthBytes: 50 },
    { offsetBytes: 260, lengthBytes: 40 },
  ]);
});
