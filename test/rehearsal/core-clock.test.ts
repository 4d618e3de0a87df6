import { afterEach, expect, test } from "vitest";
import { type ClockOptions, type MovableClock, makeClock } from "../../src/rehearsal/clock.ts";

const { signal } = new AbortController();
const clocks: MovableClock[] = [];
afterEach(() => {
  for (const clock of clocks.splice(0)) clock.close();
});

function made(options: ClockOptions): MovableClock {
  const clock = makeClock(options);
  clocks.push(clock);
  return clock;
}

test("a stopped clock moves only when it is moved, and calls what is due in order and at its time", () => {
  const clock = made({ startMs: 1000, speed: 0 });
  const seen: [string, number][] = [];
  const note = (what: string) => () => seen.push([what, clock.now()]);
  clock.after(300, note("c"));
  clock.after(100, () => {
    note("a")();
    clock.after(50, note("b"));
    clock.after(5000, note("later"));
  });
  clock.after(300, note("d"));
  const callOff = clock.after(200, note("never"));
  callOff();
  callOff();
  clock.advance(99);
  expect([clock.now(), seen]).toEqual([1099, []]);
  clock.advance(301);
  expect(clock.now()).toBe(1400);
  expect(seen).toEqual([
    ["a", 1100],
    ["b", 1150],
    ["c", 1300],
    ["d", 1300],
  ]);
  clock.advance(-50);
  expect(clock.now()).toBe(1400);
});

test("a fast clock does in a moment what takes an hour", async () => {
  const clock = made({ startMs: 0, speed: 1_000_000 });
  await clock.sleep(3_600_000, signal);
  expect(clock.now()).toBeGreaterThanOrEqual(3_600_000);
  clock.setSpeed(0);
  const stood = clock.now();
  let isAwake = false;
  const asleep = clock.sleep(1000, signal).then(() => {
    isAwake = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect([clock.now(), isAwake]).toEqual([stood, false]);
  clock.setSpeed(1_000_000);
  await asleep;
});

test("on a leaping clock sleeping takes no time, and those who sleep together wake in order", async () => {
  const clock = made({ startMs: 0, speed: 0, leaps: true });
  const woken: string[] = [];
  await Promise.all(
    [30_000, 5000, 7_200_000].map((ms) => clock.sleep(ms, signal).then(() => woken.push(`${ms} at ${clock.now()}`))),
  );
  expect(woken.map((text) => text.split(" ")[0])).toEqual(["5000", "30000", "7200000"]);
  expect(clock.now()).toBe(7_200_000);
});

test("a sleeper is woken by its signal, with its reason", async () => {
  const clock = made({ speed: 0 });
  const controller = new AbortController();
  const asleep = clock.sleep(1000, controller.signal);
  controller.abort(new Error("over"));
  await expect(asleep).rejects.toThrow("over");
  await expect(clock.sleep(1, controller.signal)).rejects.toThrow("over");
  clock.advance(10_000);
});

test("signing goes by the host's clock or by this one; both can be wrong", () => {
  const clock = made({ startMs: 5000, speed: 0 });
  const [own, host] = clock.signingTimes() as [number, number];
  expect(own).toBe(5000);
  expect(Math.abs(host - Date.now())).toBeLessThan(1000);
  clock.setSkew(-600_000);
  expect(clock.signingTimes()[0]).toBe(5000 - 600_000);
  expect(clock.now()).toBe(5000);
});

test("a dead-man's switch of a month fits", () => {
  const clock = made({ speed: 1 });
  let isDead = false;
  clock.after(40 * 86_400_000, () => {
    isDead = true;
  });
  clock.advance(39 * 86_400_000);
  expect(isDead).toBe(false);
  clock.advance(86_400_000);
  expect(isDead).toBe(true);
});
