import { expect, test } from "vitest";
import { rateMeter } from "../../src/report/rate.ts";
import { progressLine } from "../../src/report/render.ts";

test("a step that goes on where another was cut off is as fast as what it does itself", () => {
  const meter = rateMeter();
  expect(meter.add(500e6, 0)).toBeUndefined();
  expect(meter.add(501e6, 500)).toBeUndefined();
  expect(meter.add(502e6, 1000)).toBe(2e6);
});

test("what was done long ago does not count, nor does a stop", () => {
  const meter = rateMeter();
  for (let second = 0; second <= 60; second++) meter.add(second * 1e6, second * 1000);
  for (let second = 61; second <= 80; second++) meter.add(60e6 + (second - 60) * 5e6, second * 1000);
  expect(meter.add(160e6, 80_000)).toBeCloseTo(5e6, -5);
  expect(rateMeter().add(0, 0)).toBeUndefined();
});

test("a running step shows its rate and what is left of it", () => {
  const line = progressLine("Upload to b", 50e6, 200e6, 200, 2e6);
  expect(line).toMatch(/^… Upload to b {2}█{6}░{18} 50\.0 MB \/ 200 MB {2}2\.0 MB\/s {2}1 min 15 s left$/);
  expect(progressLine("Upload to b", 199e6, 200e6, 200, 2e6)).toMatch(/ 1 s left$/);
  expect(progressLine("Upload to b", 50e6, 200e6, 200)).toMatch(/ 200 MB$/);
});
