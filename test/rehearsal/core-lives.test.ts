import { expect, test } from "vitest";
import { credentialsOf, makeAccount, makeKeyRing, temporaryKey } from "../../src/rehearsal/accounts.ts";
import { makeClock } from "../../src/rehearsal/clock.ts";
import { makeCloudLedger } from "../../src/rehearsal/ledger.ts";
import { startLife } from "../../src/rehearsal/state-machine.ts";

test("a life takes its steps in its time, until it is sent elsewhere", () => {
  const clock = makeClock({ startMs: 0, speed: 0 });
  const entered: string[] = [];
  const life = startLife<string>(
    clock,
    "Pending",
    { afterMs: 1000, to: "Starting" },
    { afterMs: 5000, to: "Running", onEnter: () => entered.push(`Running at ${clock.now()}`) },
    { afterMs: 60_000, to: "Stopped" },
  );
  expect([life.state, life.next]).toEqual(["Pending", "Starting"]);
  clock.advance(1500);
  expect([life.state, life.sinceMs, life.next]).toEqual(["Starting", 1000, "Running"]);
  clock.advance(10_000);
  expect([life.state, life.sinceMs, life.next]).toEqual(["Running", 6000, "Stopped"]);
  life.go({ afterMs: 0, to: "Stopping" }, { afterMs: 500, to: "Gone" });
  expect([life.state, life.next]).toEqual(["Stopping", "Gone"]);
  clock.advance(100_000);
  expect([life.state, life.next, entered]).toEqual(["Gone", undefined, ["Running at 6000"]]);
});

test("what happens on entering a state may send it elsewhere; staying calls the rest off", () => {
  const clock = makeClock({ startMs: 0, speed: 0 });
  const life = startLife<string>(
    clock,
    "IMPORTING",
    { afterMs: 10, to: "CHECKING", onEnter: () => life.go({ afterMs: 5, to: "IMPORTFAILED" }) },
    { afterMs: 10, to: "NORMAL" },
  );
  clock.advance(100);
  expect(life.state).toBe("IMPORTFAILED");
  life.go({ afterMs: 5, to: "NORMAL" });
  life.stay();
  clock.advance(100);
  expect(life.state).toBe("IMPORTFAILED");
});

test("the ledger knows what is left, and what it costs", () => {
  const clock = makeClock({ startMs: 0, speed: 0 });
  const ledger = makeCloudLedger(clock);
  const instance = { kind: "instance", id: "i-1", region: "r" } as const;
  const image = { kind: "image", id: "m-1", region: "r" } as const;
  ledger.made(instance, { perHour: 0.36, currency: "CNY" });
  ledger.made(image);
  ledger.made({ ...image, region: "other" });
  expect(() => ledger.made(instance)).toThrow("the instance i-1 is in r already");
  clock.advance(1_800_000);
  expect(ledger.left()).toEqual([instance, image, { ...image, region: "other" }]);
  ledger.removed("instance", "i-1", "r");
  ledger.removed("instance", "i-1", "r");
  ledger.removed("image", "m-1", "r");
  clock.advance(1_800_000);
  expect(ledger.left()).toEqual([{ ...image, region: "other" }]);
  expect(ledger.bill()).toEqual(new Map([["CNY", 0.18]]));
  expect(ledger.entries().map(({ removedMs }) => removedMs)).toEqual([1_800_000, 1_800_000, undefined]);
  ledger.made(instance);
  expect(ledger.left()).toHaveLength(2);
});

test("accounts are made up, the same for the same seed, and have the forms of their cloud", () => {
  for (const [cloud, id, secret] of [
    ["tencent", /^AKID\w{32}$/, /^\w{32}$/],
    ["alibaba", /^LTAI\w{20}$/, /^\w{30}$/],
    ["huawei", /^[A-Z0-9]{20}$/, /^\w{40}$/],
  ] as const) {
    const account = makeAccount(cloud, "seed");
    expect(account.key.accessKeyId).toMatch(id);
    expect(account.key.secret).toMatch(secret);
    expect(makeAccount(cloud, "seed").key).toEqual(account.key);
    expect(makeAccount(cloud).key).not.toEqual(makeAccount(cloud).key);
    expect(account.accountId).toMatch(cloud === "huawei" ? /^[0-9a-f]{32}$/ : /^\d{12,16}$/);
    expect(account.appId).toMatch(/^\d{10}$/);
    expect(account.projectIn("a")).not.toBe(account.projectIn("b"));

    const short = temporaryKey(cloud, 5000, "seed");
    const ring = makeKeyRing([account.key]);
    ring.add(short);
    expect(ring.keyOf(short.accessKeyId)).toEqual(short);
    ring.remove(short.accessKeyId);
    expect(ring.keyOf(short.accessKeyId)).toBeUndefined();
    expect(credentialsOf(account, "r", short)).toMatchObject({
      secretAccessKey: short.secret,
      sessionToken: short.sessionToken,
      region: "r",
      projectId: cloud === "huawei" ? account.projectIn("r") : undefined,
    });
  }
});
