import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { storeDialects } from "../../src/providers/dialects.ts";
import { s3Store } from "../../src/providers/s3-store.ts";
import { credentialsOf, makeAccount, makeKeyRing, temporaryKey } from "../../src/rehearsal/accounts.ts";
import { type EmulatedObjectStore, startObjectStore } from "../../src/rehearsal/object-store/object-store.ts";
import { s3Suite } from "./s3-suite.ts";
import { loopback } from "./upload-fixture.ts";

const kinds = [
  ["tencent", "cos", "ap-guangzhou"],
  ["alibaba", "oss", "cn-hangzhou"],
  ["huawei", "obs", "cn-north-4"],
] as const;

let emulator: EmulatedObjectStore | undefined;
let directory: string | undefined;

afterEach(async () => {
  try {
    expect(emulator?.defects() ?? []).toEqual([]);
    expect(emulator?.entries() ?? [], "nothing is left").toEqual([]);
  } finally {
    await emulator?.close();
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
    emulator = undefined;
  }
});

describe.each(kinds)("%s", (cloud, dialect, region) => {
  const account = makeAccount(cloud, "suite");
  const temporary = temporaryKey(cloud, Date.now() + 3_600_000, "suite");
  const named = (name: string) => (cloud === "tencent" ? `${name}-${account.appId}` : name);

  const owner = cloud === "tencent" ? account.appId : account.accountId;
  const bucket = (name: string, where: string) =>
    ({ name: named(name), region: where, storageClass: "STANDARD", acl: "private", account: owner }) as const;

  async function start(unsignedPayload = storeDialects[cloud].hasUnsignedPayload): Promise<EmulatedObjectStore> {
    directory = mkdtempSync(join(tmpdir(), "cloudimg-emulator-"));
    emulator = await startObjectStore(
      {
        dialect,
        directory,
        keys: makeKeyRing([{ ...account.key }, temporary]),
        accountOf: () => owner,
        unsignedPayload,
        buckets: [bucket("images", region), bucket("elsewhere", "ap-far-1")],
      },
      new AbortController().signal,
    );
    return emulator;
  }

  describe.each(["a key", "a temporary key"])("with %s", (kind) => {
    s3Suite(async () => ({
      endpoint: await start(),
      credentials: credentialsOf(account, region, kind === "a key" ? account.key : temporary),
      dialect: storeDialects[cloud],
      bucket: named("images"),
      otherBucket: named("no-such-bucket"),
    }));
  });

  describe("that takes no unsigned payload after all", () => {
    s3Suite(async () => ({
      endpoint: await start(false),
      credentials: credentialsOf(account, region),
      dialect: { ...storeDialects[cloud], hasUnsignedPayload: true },
      bucket: named("images"),
      otherBucket: named("no-such-bucket"),
    }));
  });

  test("a bucket of another region", async () => {
    const { port } = await start();
    const store = s3Store(storeDialects[cloud], credentialsOf(account, region), loopback(port));
    const signal = new AbortController().signal;
    const context = { emit: () => {}, signal, directories: { cache: "", data: "" }, environment: {}, jobs: 1 };
    await expect(store.checkBucket(named("elsewhere"), context)).rejects.toMatchObject({
      // At Tencent the region is part of the bucket's domain, so elsewhere there is none.
      code: cloud === "tencent" ? "cloud/not-found" : "cloud/store-region",
    });
  });
});
