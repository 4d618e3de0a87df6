import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Context } from "../../src/core/context.ts";
import { newJournal, openJournal } from "../../src/providers/journal.ts";
import { keptRunKey } from "../../src/providers/journal-key.ts";
import { takeLock } from "../../src/providers/journal-lock.ts";
import { listRuns, runDirectory, showRun } from "../../src/providers/journal-store.ts";
import { intend, mark } from "../../src/providers/ledger.ts";
import { poll, pollWaitMs } from "../../src/providers/poll.ts";
import { planRetention } from "../../src/providers/retention.ts";

const root = mkdtempSync(join(tmpdir(), "cloudimg-journal-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let places = 0;

function fresh(): Context {
  const data = join(root, String(places++));
  const signal = new AbortController().signal;
  return { emit: () => {}, signal, directories: { cache: data, data }, environment: {}, jobs: 1 };
}

function fastClock() {
  let nowMs = Date.UTC(2026, 10, 21, 12, 30, 5);
  const waits: number[] = [];
  const sleep = async (ms: number) => {
    waits.push(ms);
    nowMs += ms;
  };
  return { now: () => nowMs, sleep, waits };
}

const newRun = {
  scope: { cloud: "tencent", region: "r1", account: "1", profile: "web" },
  ...{ inputs: "00", identity: "5f", imageName: "web-00" },
};

describe("journal", () => {
  test("a step that is done is not done again, unless its inputs are others", async () => {
    const context = fresh();
    const clock = fastClock();
    const journal = await newJournal(newRun, { clock }, context);
    let times = 0;
    const count = async () => ({ times: ++times });
    expect(journal.record().id).toMatch(/^20261121-123005-[0-9a-f]{6}$/);
    expect(await journal.step("upload", { a: 1 }, count)).toEqual({ times: 1 });
    const again = openJournal(showRun(journal.record().id, context), { clock }, context);
    expect(await again.step("upload", { a: 1 }, count)).toEqual({ times: 1 });
    expect(await again.step("upload", { a: 2 }, count)).toEqual({ times: 2 });
    await again.change({ forget: ["upload"] });
    expect(await again.step("upload", { a: 2 }, count)).toEqual({ times: 3 });
  });

  test("a step that fails is written down and done again", async () => {
    const context = fresh();
    const journal = await newJournal(newRun, { clock: fastClock() }, context);
    await expect(journal.step("import", {}, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(showRun(journal.record().id, context).steps["import"]).toMatchObject({ state: "failed", error: "no" });
    expect(await journal.step("import", {}, async () => 1)).toBe(1);
  });

  test("an intent keeps its token until the thing is gone", async () => {
    const context = fresh();
    const clock = fastClock();
    const journal = await newJournal(newRun, { clock }, context);
    const intent = { kind: "image", region: "r1", name: "web" } as const;
    const { token } = await intend(journal, "image", intent, clock);
    expect((await intend(journal, "image", intent, clock)).token).toBe(token);
    expect(showRun(journal.record().id, context).ledger["image"]).toMatchObject({ state: "intended", token });
    await mark(journal, "image", { state: "removed" });
    expect((await intend(journal, "image", intent, clock)).token).not.toBe(token);
  });

  test("writers at the same time leave the last state, and only others' faults are their own", async () => {
    const context = fresh();
    let writes = 0;
    const write = async () => {
      if (++writes === 3) throw new Error("full");
    };
    const clock = fastClock();
    const journal = await newJournal(newRun, { clock, write }, context);
    const entry = (name: string) => intend(journal, name, { kind: "image", region: name, name }, clock);
    const outcomes = await Promise.allSettled([entry("a"), entry("b"), entry("c")]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(Object.keys(journal.record().ledger)).toEqual(["a", "b", "c"]);
  });

  test("a journal that cannot be read is listed, and says what to do", async () => {
    const context = fresh();
    const journal = await newJournal(newRun, { clock: fastClock() }, context);
    const damaged: Record<string, string> = { cut: '{"version": 1,', newer: '{"version":2}', other: "[]", empty: "" };
    for (const [id, text] of Object.entries(damaged)) {
      mkdirSync(runDirectory(id, context));
      writeFileSync(join(runDirectory(id, context), "run.json"), text);
      expect(() => showRun(id, context)).toThrow(expect.objectContaining({ code: "cloud/bad-journal" }));
    }
    expect(listRuns(context).map(({ id }) => id)).toEqual(
      [journal.record().id, "cut", "empty", "newer", "other"].sort(),
    );
    expect(() => showRun("../x", context)).toThrow(expect.objectContaining({ code: "cloud/no-run" }));
  });

  test("nobody else may read the key of a run, and it stays the same", async () => {
    const context = fresh();
    const directory = runDirectory("r", context);
    const key = await keptRunKey(directory);
    expect(await keptRunKey(directory)).toEqual(key);
    expect([statSync(directory).mode & 0o777, statSync(join(directory, "key")).mode & 0o777]).toEqual([0o700, 0o600]);
  });
});

describe("lock", () => {
  const file = () => {
    const { data } = fresh().directories;
    mkdirSync(data, { recursive: true });
    return join(data, "lock");
  };

  test("one at a time; released, the next", () => {
    const path = file();
    const lock = takeLock(path);
    expect(takeLock(path)).toMatchObject({ holder: { pid: process.pid } });
    if ("release" in lock) lock.release();
    const next = takeLock(path);
    expect(next).toHaveProperty("release");
    if ("release" in lock) lock.release();
    expect(takeLock(path)).toHaveProperty("holder");
  });

  test("that of a process which was killed is taken over, by one", () => {
    const path = file();
    const module = JSON.stringify(new URL("../../src/providers/journal-lock.ts", import.meta.url).href);
    const script = `const { takeLock } = await import(${module}); takeLock(${JSON.stringify(path)}); process.kill(process.pid, "SIGKILL");`;
    const killed = spawnSync(process.execPath, ["--input-type=module", "--eval", script]);
    expect(killed.signal).toBe("SIGKILL");
    expect(takeLock(path)).toHaveProperty("release");
    expect(takeLock(path)).toHaveProperty("holder");
    expect(readdirSync(join(path, "..")).filter((name) => name !== "lock" && !name.startsWith("lock."))).toEqual([]);
  });

  test("a damaged one is nobody's; one of another machine is held while it is touched", () => {
    const path = file();
    writeFileSync(path, "");
    expect(takeLock(path)).toHaveProperty("release");
    const foreign = file();
    writeFileSync(foreign, JSON.stringify({ token: "t", host: "elsewhere", pid: 1, identity: "x" }));
    expect(takeLock(foreign)).toMatchObject({ holder: { host: "elsewhere" } });
  });
});

describe("poll", () => {
  const options = (clock: ReturnType<typeof fastClock>) => ({
    ...{ clock, signal: new AbortController().signal, what: "import it", timeoutMs: 600_000 },
  });

  test("waits 5 s, half as long again each time, 30 s at most, less a bit by chance", async () => {
    const clock = fastClock();
    let n = 0;
    await poll(
      options(clock),
      async () => n++,
      (answer) => (answer === 8 ? true : undefined),
    );
    expect([0, 1, 2, 3, 4, 5, 6].map(pollWaitMs)).toEqual([5000, 7500, 11_250, 16_875, 25_312.5, 30_000, 30_000]);
    clock.waits.forEach((wait, index) => {
      expect(wait).toBeGreaterThanOrEqual(0.8 * pollWaitMs(index));
      expect(wait).toBeLessThanOrEqual(pollWaitMs(index));
    });
  });

  test("gives up at its deadline, with the last fault", async () => {
    const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    await expect(
      poll(
        options(fastClock()),
        () => Promise.reject(reset),
        () => true,
      ),
    ).rejects.toMatchObject({
      code: "cloud/timeout",
      message: "cannot import it: it took longer than 10 minutes; the last question failed: read ECONNRESET",
    });
  });

  test("believes what is refused five times in a row, not before", async () => {
    let n = 0;
    const ask = (refusals: number) => async () => {
      if (n++ < refusals) throw new Error("AuthFailure");
      return true;
    };
    expect(await poll(options(fastClock()), ask(4), (answer) => answer)).toBe(true);
    n = 0;
    await expect(poll(options(fastClock()), ask(5), (answer) => answer)).rejects.toThrow("AuthFailure");
  });
});

describe("retention", () => {
  const image = (id: string, day: number, more = {}) => ({
    ...{ id, region: "r1", name: id, state: "available" as const, tags: {}, parts: [] },
    ...{ createdAt: `2026-11-0${day}T00:00:00Z`, ...more },
  });
  const plan = (images: ReturnType<typeof image>[], keepNewest?: number) => {
    const { deprecate, remove } = planRetention(images, { currentId: "now", keepNewest, deprecateOld: true });
    return { deprecate: deprecate.map(({ id }) => id), remove: remove.map(({ id }) => id) };
  };

  test("the newest stay, deprecated; older ones go", () => {
    const images = [image("a", 1), image("b", 2), image("c", 3, { isDeprecated: true }), image("now", 4)];
    expect(plan(images, 3)).toEqual({ deprecate: ["b"], remove: ["a"] });
    expect(plan(images)).toEqual({ deprecate: ["b", "a"], remove: [] });
    expect(plan(images, 1)).toEqual({ deprecate: [], remove: ["c", "b", "a"] });
  });

  test("what is newer, not ready, or of unknown age stays; so does all if the current one is not seen", () => {
    const others = [
      image("newer", 5),
      image("busy", 1, { state: "pending" }),
      image("old", 1, { createdAt: undefined }),
    ];
    expect(plan([...others, image("now", 4)], 1)).toEqual({ deprecate: [], remove: [] });
    expect(plan([image("a", 1)], 1)).toEqual({ deprecate: [], remove: [] });
  });
});
