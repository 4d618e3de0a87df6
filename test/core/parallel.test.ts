import { describe, expect, test } from "vitest";
import { limiter, mapParallel } from "../../src/core/parallel.ts";
import { retry } from "../../src/core/retry.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("mapParallel", () => {
  test("results in the items' order, never more at once than allowed", async () => {
    let now = 0;
    let most = 0;
    const results = await mapParallel([5, 1, 3, 0, 2], 2, async (turns, index) => {
      most = Math.max(most, ++now);
      for (let at = 0; at < turns; at++) await turn();
      now--;
      return `${index}:${turns}`;
    });
    expect(results).toEqual(["0:5", "1:1", "2:3", "3:0", "4:2"]);
    expect(most).toBe(2);
  });

  test("after a failure nothing new starts, what runs is waited for, the first failure is thrown", async () => {
    const started: number[] = [];
    const ended: number[] = [];
    const work = mapParallel([0, 1, 2, 3, 4], 2, async (item) => {
      started.push(item);
      if (item === 1) throw new Error("one");
      for (let at = 0; at < 5; at++) await turn();
      ended.push(item);
    });
    await expect(work).rejects.toThrow("one");
    expect(started).toEqual([0, 1]);
    expect(ended).toEqual([0]);
  });

  test("nothing to do", async () => expect(await mapParallel([], 3, async () => 1)).toEqual([]));
});

test("limiter: at most so many at once, first come first served, a failure frees its place", async () => {
  const limit = limiter(2);
  const order: number[] = [];
  let now = 0;
  let most = 0;
  const jobs = [0, 1, 2, 3, 4, 5].map((item) =>
    limit(async () => {
      order.push(item);
      most = Math.max(most, ++now);
      await turn();
      now--;
      if (item === 2) throw new Error("two");
    }),
  );
  const settled = await Promise.allSettled(jobs);
  expect(settled.map(({ status }) => status === "fulfilled")).toEqual([true, true, false, true, true, true]);
  expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});

describe("retry", () => {
  const options = { signal: new AbortController().signal, attempts: 4, firstDelayMs: 1, isPassing: () => true };

  test("again while it may pass, waiting twice as long each time", async () => {
    const delays: number[] = [];
    const onRetry = (_error: unknown, delayMs: number) => void delays.push(delayMs);
    const result = await retry({ ...options, onRetry }, async (attempt) => {
      if (attempt < 4) throw new Error("not yet");
      return attempt;
    });
    expect(result).toBe(4);
    expect(delays).toEqual([1, 2, 4]);
  });

  test("not for ever, and not what does not pass", async () => {
    let tries = 0;
    const work = async () => {
      tries++;
      throw new Error("no");
    };
    await expect(retry(options, work)).rejects.toThrow("no");
    expect(tries).toBe(4);
    await expect(retry({ ...options, isPassing: () => false }, work)).rejects.toThrow("no");
    expect(tries).toBe(5);
  });

  test("an interruption ends the waiting", async () => {
    const controller = new AbortController();
    const work = retry(
      { ...options, signal: controller.signal, firstDelayMs: 60_000, onRetry: () => controller.abort() },
      async () => {
        throw new Error("no");
      },
    );
    await expect(work).rejects.toThrow(/abort/i);
  });
});
