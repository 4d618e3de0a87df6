import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { modules } from "../../../src/guest-config/user-data/modules.ts";
import { makeGuest } from "./guest.ts";

const runs = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 150);

test("each module once, stages in their order", () => {
  const names = modules.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const isFinal = modules.map(({ stage }) => stage === "final");
  expect(isFinal).toEqual([...isFinal].sort());
});

// What everything that obeys cloud-config has to stand.
describe.each(modules.map((module) => [module.name, module] as const))("%s", (_, module) => {
  let now = 0;
  const guest = makeGuest((host) => ({
    nowMs: () => now,
    sleepMs: (ms) => {
      now += ms;
    },
    // Nothing is started: what is drawn at random could be anything.
    start: () => ({ poll: () => 0, kill: () => {} }),
    loadScript: (name) => {
      if (name !== "disk") return host.loadScript(name);
      return { growDisk: () => undefined, growThere: () => undefined };
    },
  }));
  afterAll(() => guest.remove());
  const word = fc.constantFrom("", "x", "true", "/etc/x", "[", "1", "now");
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      word,
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.double(),
      tie("list"),
      tie("map"),
    ),
    list: fc.array(tie("value"), { maxLength: 3 }),
    map: fc.dictionary(
      fc.constantFrom(
        "name",
        "path",
        "content",
        "data",
        "url",
        "mode",
        "list",
        "users",
        "password",
        "device",
        "enabled",
        "type",
        "__proto__",
        "length",
      ),
      tie("value"),
      { maxKeys: 4 },
    ),
  })).value;
  const config = fc.dictionary(fc.constantFrom(...module.keys, "nothing"), value);

  test("whatever it is told, it ends, and what it says are single lines", () => {
    fc.assert(
      fc.property(config, (document) => {
        const { problems, said } = guest.run(module, document);
        for (const line of [...said, ...problems]) expect(line).toMatch(/^\w+: .{1,400}$/);
      }),
      { numRuns: runs },
    );
  });
});
