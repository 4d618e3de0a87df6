import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CloudimgError } from "../../src/core/errors.ts";
import { storeDialects } from "../../src/providers/dialects.ts";
import { type Seen, startTestStore, type TestStore } from "./s3-server.ts";
import { type Fixture, kib, testCredentials, uploadFixture } from "./upload-fixture.ts";

let server: TestStore;
let fixture: Fixture;
/** Ten parts, the last one shorter. */
const sizeBytes = 9 * 64 * kib + 1000;

beforeEach(async () => {
  server = await startTestStore();
  fixture = uploadFixture(server.port, sizeBytes);
});

afterEach(async () => {
  fixture[Symbol.dispose]();
  await server.close();
});

const upload = (options = {}, more = {}, signal?: AbortSignal) =>
  fixture.store(options).upload(fixture.request(more), fixture.context(signal));

const partsSent = () => server.operations(/^UploadPart/).map((name) => Number(name.slice(11)));

function expectStored(): void {
  const stored = server.objects.get(fixture.request().key);
  expect(stored?.bytes.equals(fixture.content), "the object is the file").toBe(true);
  expect(stored?.sha256).toBe(fixture.request().sha256);
  expect([...server.uploads.keys()], "no unfinished upload is left").toEqual([]);
  expect(existsSync(fixture.statePath), "the state file is gone").toBe(false);
}

function expectNoSecrets(text: string): void {
  expect(text).not.toContain(testCredentials.secretAccessKey);
}

describe("an upload", () => {
  test("sends every part once, to the bucket's own host, each with its MD5 and no checksum of Amazon's", async () => {
    const result = await upload();
    const { bucket, key, sha256 } = fixture.request();
    expect(result).toEqual({ bucket, key, sizeBytes, sha256, existed: false });
    expectStored();
    expect(partsSent().sort((one, other) => one - other)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    for (const { host, headers, query } of server.seen) {
      expect(host).toBe("images-1250000000.cos.ap-guangzhou.myqcloud.com");
      expect(Object.keys(headers).filter((name) => /checksum|trailer|expect|transfer-encoding/.test(name))).toEqual([]);
      if (query.has("partNumber")) expect(headers["x-amz-content-sha256"]).toBe("UNSIGNED-PAYLOAD");
      expect(headers["authorization"]).toContain("content-sha256");
    }
    expect(fixture.progress.at(-1)).toBe(sizeBytes);
  });

  test("signs the content where the store takes no unsigned payload", async () => {
    const dialect = { ...storeDialects.huawei, leastPartBytes: kib, bucketName: /./ };
    await fixture.store({}, dialect).upload(fixture.request(), fixture.context());
    expectStored();
    const parts = server.seen.filter(({ query }) => query.has("partNumber"));
    expect(parts.every(({ headers }) => /^[0-9a-f]{64}$/.test(String(headers["x-amz-content-sha256"])))).toBe(true);
  });

  test("is nothing but a look if the object is there", async () => {
    await upload();
    server.seen.length = 0;
    expect(await upload()).toMatchObject({ existed: true });
    expect(server.operations()).toEqual(["HeadObject"]);
    expect(fixture.progress.at(-1)).toBe(sizeBytes);
  });

  test("of a file of one part is one request", async () => {
    expect(await upload({ partSizeBytes: 1024 * kib })).toMatchObject({ existed: false });
    expectStored();
    expect(server.operations(/^(Put|Upload|Create)/)).toEqual(["PutObject"]);
  });

  test("keeps as many parts under way as there are workers, and no more", async () => {
    let now = 0;
    let most = 0;
    server.before = async ({ operation }) => {
      if (!operation.startsWith("UploadPart")) return;
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
    };
    await upload({ workers: 3 });
    expect(most).toBe(3);
  });

  test("counts the bytes that went out, never more than there are", async () => {
    await upload();
    expect(Math.max(...fixture.progress)).toBe(sizeBytes);
    expect(fixture.progress.length).toBeGreaterThanOrEqual(10);
  });

  test("does not replace another object that has the key", async () => {
    server.objects.set(fixture.request().key, { bytes: Buffer.from("other"), sha256: undefined });
    await expect(upload()).rejects.toMatchObject({ code: "cloud/name-taken" });
    expect(server.objects.get(fixture.request().key)?.bytes.toString()).toBe("other");
  });
});

describe("faults that pass", () => {
  const once = (pattern: RegExp, fault: ReturnType<TestStore["fault"]>, times = 1) => {
    let left = times;
    server.fault = ({ operation }: Seen) => (pattern.test(operation) && left-- > 0 ? fault : undefined);
  };

  test.each([
    ["the connection is cut in a part", /^UploadPart 4$/, "cut"],
    ["the connection is cut before the answer to a part", /^UploadPart 10$/, "drop"],
    ["the answer to a part is lost", /^UploadPart 1$/, "lose"],
    ["a part's ETag is wrong", /^UploadPart 5$/, "wrong-etag"],
    ["a part is said to be damaged", /^UploadPart 5$/, { status: 400, code: "BadDigest" }],
    ["a throttled part", /^UploadPart 2$/, { status: 400, code: "Throttling.User" }],
    ["too many requests", /^UploadPart 2$/, { status: 429 }],
    ["a part timed out at the store", /^UploadPart 2$/, { status: 400, code: "RequestTimeout" }],
    ["the answer to the beginning is lost", /^CreateMultipartUpload$/, "drop"],
    ["the answer to the end is lost", /^CompleteMultipartUpload$/, "lose"],
    ["the connection is cut at the end", /^CompleteMultipartUpload$/, "drop"],
    ["a look fails", /^HeadObject$/, { status: 503 }],
    ["the list fails", /^ListMultipartUploads$/, { status: 500 }],
    ["the list is not allowed", /^ListMultipartUploads$/, { status: 403, code: "AccessDenied" }],
  ] as const)("%s", async (_, pattern, fault) => {
    once(pattern, fault);
    expect(await upload()).toMatchObject({ existed: false });
    expectStored();
    expect(partsSent().length).toBeLessThanOrEqual(11);
    expect(Math.max(...fixture.progress)).toBe(sizeBytes);
  });

  test("a storm of 503, whose Retry-After is heeded", async () => {
    let count = 0;
    server.fault = () =>
      count++ % 3 === 2 ? undefined : { status: 503, code: "SlowDown", headers: { "retry-after": "7" } };
    await upload();
    expectStored();
    expect(Math.min(...fixture.connection.slept)).toBe(7000);
  });

  test("a store that says nothing any more", async () => {
    once(/^UploadPart 3$/, "hang");
    await upload({ idleTimeoutMs: 200 });
    expectStored();
  });
});

describe("faults that stay", () => {
  test.each([
    [{ status: 403, code: "SignatureDoesNotMatch" }, "cloud/credentials"],
    [{ status: 403, code: "InvalidAccessKeyId" }, "cloud/credentials"],
    [{ status: 403, code: "ExpiredToken" }, "cloud/credentials"],
    [{ status: 403, code: "RequestTimeTooSkewed" }, "cloud/clock"],
    [{ status: 403, code: "AccessDenied" }, "cloud/denied"],
    [{ status: 404, code: "NoSuchBucket" }, "cloud/not-found"],
    [{ status: 301, code: "PermanentRedirect" }, "cloud/store-region"],
    [{ status: 503, code: "SlowDown" }, "cloud/unreachable"],
    [{ status: 400, code: "EntityTooLarge" }, "cloud/refused"],
    ["drop", "cloud/unreachable"],
    ["wrong-etag", "cloud/store-damaged"],
  ] as const)("%j is %s, in the store's words, and no secret is told", async (fault, code) => {
    server.fault = ({ operation }) => (operation.startsWith("UploadPart") ? fault : undefined);
    const error = await upload().then(
      () => undefined,
      (reason: CloudimgError) => reason,
    );
    expect(error).toMatchObject({ code });
    expect(error?.message).toMatch(/^cannot upload .*disk\.qcow2 to images-1250000000\/cloudimg\//);
    if (typeof fault === "object") {
      expect(error?.message).toContain(fault.code);
      expect(error?.message).toContain("words of the store (request NjAx)");
    }
    expectNoSecrets(JSON.stringify([error, error?.message, error?.problems]));
    expect(server.uploads.size, "what was sent is kept").toBe(1);
    expectNoSecrets(readFileSync(fixture.statePath, "utf8"));
  });

  test("a server that is not there", async () => {
    await server.close();
    await expect(upload()).rejects.toMatchObject({ code: "cloud/unreachable" });
    expect(fixture.connection.slept.length, "tried for a while").toBe(8);
    server = await startTestStore();
  });

  test("a file that is not there, or has another size", async () => {
    await expect(upload({}, { path: join(fixture.path, "no") })).rejects.toMatchObject({ code: "image/not-found" });
    await expect(upload({}, { sizeBytes: sizeBytes + 1 })).rejects.toMatchObject({ code: "cloud/store-file-changed" });
    expect(server.seen).toEqual([]);
  });
});

describe("an upload that was cut off", () => {
  const workers = 4;

  /** Ends the process's part in it after so many parts, as a lost network or a kill does. */
  async function cutAfter(count: number): Promise<void> {
    const ending = new AbortController();
    let done = 0;
    server.fault = ({ operation }) => {
      if (operation.startsWith("UploadPart") && ++done > count) {
        ending.abort(new Error("cut"));
        return "drop";
      }
      return undefined;
    };
    await expect(upload({ workers }, {}, ending.signal)).rejects.toThrow("cut");
    await server.idle();
    server.fault = () => undefined;
  }

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])("after %i parts sends at most one part per worker again", async (count) => {
    await cutAfter(count);
    const first = partsSent().length;
    await upload({ workers });
    expectStored();
    expect(partsSent().length, `${first} were begun at first`).toBeLessThanOrEqual(10 + workers);
    expect(server.operations(/^CreateMultipartUpload/)).toHaveLength(1);
    expect(fixture.progress.at(-1)).toBe(sizeBytes);
  });

  test("goes on without its state file, by the store's lists and the MD5 of what is here", async () => {
    await cutAfter(6);
    const kept = [...server.uploads.values()][0]?.parts.size as number;
    rmSync(fixture.statePath);
    server.seen.length = 0;
    await upload({ workers });
    expectStored();
    expect(partsSent()).toHaveLength(10 - kept);
  });

  test("goes on with a state file that is cut short", async () => {
    await cutAfter(6);
    writeFileSync(fixture.statePath, readFileSync(fixture.statePath, "utf8").slice(0, 50));
    await upload({ workers });
    expectStored();
    expect(partsSent().length).toBeLessThanOrEqual(10 + workers);
  });

  test("begins anew if the store has thrown it away", async () => {
    await cutAfter(5);
    server.uploads.clear();
    server.seen.length = 0;
    await upload({ workers });
    expectStored();
    expect(partsSent()).toHaveLength(10);
  });

  test("sends again the parts that the store lists otherwise than the state has them", async () => {
    await cutAfter(6);
    const parts = [...server.uploads.values()][0]?.parts as Map<number, Buffer>;
    const [damaged, lost] = [...parts.keys()] as [number, number];
    parts.set(damaged, Buffer.alloc(64 * kib));
    parts.delete(lost);
    server.seen.length = 0;
    await upload({ workers });
    expectStored();
    expect(partsSent()).toEqual(expect.arrayContaining([damaged, lost]));
  });

  test("of a file that was written since keeps only the parts that are still right", async () => {
    await cutAfter(6);
    const kept = [...server.uploads.values()][0]?.parts.size as number;
    utimesSync(fixture.path, 1, 1);
    server.seen.length = 0;
    await upload({ workers });
    expectStored();
    expect(partsSent()).toHaveLength(10 - kept);
  });

  test("is not mixed up with another file's", async () => {
    await cutAfter(6);
    const other = Buffer.from(fixture.content).fill(7, 0, 10);
    writeFileSync(fixture.path, other);
    const sha256 = createHash("sha256").update(other).digest("hex");
    await upload({ workers }, { sha256, key: `cloudimg/${sha256}.qcow2` });
    expect(server.objects.get(`cloudimg/${sha256}.qcow2`)?.bytes.equals(other)).toBe(true);
  });

  test("and that another run completed meanwhile leaves nothing", async () => {
    await cutAfter(6);
    const [id] = server.uploads.keys();
    server.objects.set(fixture.request().key, { bytes: fixture.content, sha256: fixture.request().sha256 });
    expect(id).toBeDefined();
    expect(await upload({ workers })).toMatchObject({ existed: true });
    expectStored();
  });

  test("is removed, with the object, when it is told so", async () => {
    await cutAfter(6);
    const { bucket, key } = fixture.request();
    await fixture.store().remove(bucket, key, fixture.context());
    expect(server.uploads.size).toBe(0);
    await fixture.store().remove(bucket, key, fixture.context());
    await upload();
    expectStored();
    await fixture.store().remove(bucket, key, fixture.context());
    expect(server.objects.size).toBe(0);
  });
});

describe("the file and its state", () => {
  test("a file that is written to meanwhile is noticed, and what was sent is removed", async () => {
    server.fault = ({ operation }) => {
      if (operation === "UploadPart 7") writeFileSync(fixture.path, Buffer.from(fixture.content).fill(1, 0, 9));
      return undefined;
    };
    await expect(upload({ workers: 1 })).rejects.toMatchObject({ code: "cloud/store-file-changed" });
    expect(server.objects.size).toBe(0);
    expect(server.uploads.size).toBe(0);
    expect(existsSync(fixture.statePath)).toBe(false);
  });

  test("a file that becomes shorter meanwhile is noticed", async () => {
    server.fault = ({ operation }) => {
      if (operation === "UploadPart 1") writeFileSync(fixture.path, fixture.content.subarray(0, 70_000));
      return undefined;
    };
    await expect(upload({ workers: 1 })).rejects.toMatchObject({ code: "cloud/store-file-changed" });
    expect(server.uploads.size).toBe(0);
  });

  test("a state file that cannot be written costs a warning, not the upload", async () => {
    const statePath = join(fixture.path, "is-no-directory", "state.json");
    await upload({}, { statePath });
    expectStored();
    const warnings = fixture.events.filter(({ type }) => type === "log");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ level: "warning", message: expect.stringContaining("cannot keep") });
  });

  test("the state on the disk knows each part before its worker takes the next one", async () => {
    const known: number[] = [];
    server.before = ({ operation }) => {
      if (operation.startsWith("UploadPart"))
        known.push(Object.keys(JSON.parse(readFileSync(fixture.statePath, "utf8")).parts).length);
      return undefined;
    };
    await upload({ workers: 1 });
    expect(known).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe("several at once", () => {
  test.each(["one state file", "a state file each"])("of the same file with %s all succeed", async (kind) => {
    const paths = [0, 1, 2].map((index) =>
      kind === "one state file" ? fixture.statePath : `${fixture.statePath}${index}`,
    );
    const results = await Promise.all(paths.map((statePath) => upload({ workers: 2 }, { statePath })));
    expect(results.map(({ key }) => key)).toEqual(Array(3).fill(fixture.request().key));
    const stored = server.objects.get(fixture.request().key);
    expect(stored?.bytes.equals(fixture.content)).toBe(true);
    expect(server.uploads.size, "none is left unfinished").toBe(0);
    expect(paths.filter((path) => existsSync(path))).toEqual([]);
  });
});
