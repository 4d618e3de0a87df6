import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Context } from "../../src/core/context.ts";
import type { Connection } from "../../src/providers/connection.ts";
import type { Credentials } from "../../src/providers/credentials.ts";
import type { StoreDialect } from "../../src/providers/dialects.ts";
import { httpAgent } from "../../src/providers/direct-connection.ts";
import type { ObjectStore, UploadRequest } from "../../src/providers/object-store.ts";
import { type StoreOptions, s3Store } from "../../src/providers/s3-store.ts";

export interface StoreUnderTest {
  /** Of 127.0.0.1; all hosts are there, in clear text. */
  readonly endpoint: { readonly port: number };
  /** With the region. */
  readonly credentials: Credentials;
  readonly dialect: StoreDialect;
  /** Is there, in that region, and empty. */
  readonly bucket: string;
  /** Is not there; a legal name. */
  readonly otherBucket: string;
}

const mib = 1024 * 1024;

/** What our client does with any store that speaks S3. */
export function s3Suite(setUp: () => Promise<StoreUnderTest>): void {
  let subject: StoreUnderTest;
  let directory: string;
  let skewMs: number;

  beforeEach(async () => {
    subject = await setUp();
    directory = mkdtempSync(join(tmpdir(), "cloudimg-store-"));
    skewMs = 0;
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const connection: Connection = {
    resolve: () => ({ protocol: "http:", address: "127.0.0.1", port: subject.endpoint.port }),
    now: () => Date.now() + skewMs,
    sleep: async (ms, signal) => {
      await new Promise((resolve) => setTimeout(resolve, Math.min(ms, 20)));
      signal.throwIfAborted();
    },
    dial: () => Promise.reject(new Error("not here")),
  };

  const store = (options: StoreOptions = {}, credentials: Partial<Credentials> = {}): ObjectStore =>
    s3Store(subject.dialect, { ...subject.credentials, ...credentials }, connection, {
      partSizeBytes: 5 * mib,
      patience: { attempts: 3, firstDelayMs: 10, longestDelayMs: 20 },
      ...options,
    });

  const context = (signal = new AbortController().signal): Context => ({
    emit: () => {},
    signal,
    directories: { cache: directory, data: directory },
    environment: {},
    jobs: 1,
  });

  /** A file whose content is its size's and its seed's alone. */
  const file = (
    sizeBytes: number,
    seed: string,
    more: Partial<UploadRequest> = {},
  ): UploadRequest & { content: Buffer } => {
    const block = createHash("sha512").update(seed).digest();
    const content = Buffer.alloc(sizeBytes);
    for (let at = 0; at < sizeBytes; at += 4096) {
      block.writeUInt32LE(at, 0);
      block.copy(content, at);
    }
    const path = join(directory, `${seed}.qcow2`);
    writeFileSync(path, content);
    const sha256 = createHash("sha256").update(content).digest("hex");
    const { bucket } = subject;
    const key = `cloudimg/${sha256}.qcow2`;
    return { path, sizeBytes, sha256, bucket, key, statePath: `${path}.json`, onProgress: () => {}, content, ...more };
  };

  const follow = async (url: string, put?: string): Promise<{ status: number | undefined; body: Buffer }> => {
    const agent = httpAgent(connection);
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const method = put === undefined ? "GET" : "PUT";
        const headers = put === undefined ? {} : { "content-type": "text/plain; charset=utf-8" };
        request(url, { agent, method, headers }, resolve).on("error", reject).end(put);
      });
      const pieces: Buffer[] = [];
      for await (const piece of answer) pieces.push(piece as Buffer);
      return { status: answer.statusCode, body: Buffer.concat(pieces) };
    } finally {
      agent.destroy();
    }
  };

  /** Uploads until so many bytes went out. */
  const cut = async (asked: UploadRequest, afterBytes: number): Promise<void> => {
    const ending = new AbortController();
    const onProgress = (doneBytes: number) => {
      if (doneBytes >= afterBytes) ending.abort(new Error("cut"));
    };
    await expect(store({ workers: 1 }).upload({ ...asked, onProgress }, context(ending.signal))).rejects.toThrow("cut");
  };

  describe("buckets", () => {
    test("one that is there", async () => {
      const facts = await store().checkBucket(subject.bucket, context());
      if (facts.region !== undefined) expect(facts.region).toBe(subject.credentials.region);
    });

    test("one that is not there", async () => {
      await expect(store().checkBucket(subject.otherBucket, context())).rejects.toMatchObject({
        code: "cloud/not-found",
      });
      await expect(store().upload(file(100, "lost", { bucket: subject.otherBucket }), context())).rejects.toMatchObject(
        { code: "cloud/not-found" },
      );
    });

    test("a wrong secret, an unknown key and a clock that is wrong", async () => {
      const { bucket } = subject;
      for (const credentials of [{ secretAccessKey: "wrong" }, { accessKeyId: "AKIDnobody" }])
        for (const act of [
          () => store({}, credentials).checkBucket(bucket, context()),
          () => store({}, credentials).upload(file(100, "refused"), context()),
        ])
          await expect(act()).rejects.toMatchObject({ code: "cloud/credentials" });
      skewMs = 3_600_000;
      await expect(store().checkBucket(bucket, context())).rejects.toMatchObject({
        code: "cloud/clock",
      });
    });
  });

  describe("uploads", () => {
    test.each([
      ["a byte", 1],
      ["a part", 5 * mib],
      ["a part and a byte", 5 * mib + 1],
      ["four parts", 16 * mib + 12_345],
    ])("%s, as the link then gives it", async (seed, sizeBytes) => {
      const asked = file(sizeBytes, seed);
      const done: number[] = [];
      const stored = await store().upload({ ...asked, onProgress: (bytes) => done.push(bytes) }, context());
      expect(stored).toMatchObject({ existed: false, sizeBytes, sha256: asked.sha256 });
      expect(done.at(-1)).toBe(sizeBytes);
      const { status, body } = await follow(await store().signedUrl(stored, 600));
      expect(status).toBe(200);
      expect(body.equals(asked.content)).toBe(true);
      expect(await store().upload(asked, context())).toMatchObject({ existed: true });
      await store().remove(asked.bucket, asked.key, context());
    });

    test("keys with characters that URLs treat in their own way", async () => {
      const asked = file(2000, "odd", { key: "a b/c+d/é~!'()*&=@,:$.qcow2" });
      const stored = await store().upload(asked, context());
      const { body } = await follow(await store().signedUrl(stored, 600));
      expect(body.equals(asked.content)).toBe(true);
      expect(await store().upload(asked, context())).toMatchObject({ existed: true });
      await store().remove(asked.bucket, asked.key, context());
    });

    test("goes on where it was cut, with and without its state", async () => {
      const asked = file(21 * mib, "cut");
      await cut(asked, 12 * mib);
      expect(existsSync(asked.statePath)).toBe(true);
      expect(readFileSync(asked.statePath, "utf8")).not.toContain(subject.credentials.secretAccessKey);
      await cut(asked, 17 * mib);
      rmSync(asked.statePath);
      const done: number[] = [];
      await store().upload({ ...asked, onProgress: (bytes) => done.push(bytes) }, context());
      expect(done[0], "what was there counted at once").toBe(5 * mib);
      const { body } = await follow(await store().signedUrl(asked, 600));
      expect(body.equals(asked.content)).toBe(true);
      await store().remove(asked.bucket, asked.key, context());
    });

    test("removes what was left unfinished", async () => {
      const asked = file(11 * mib, "left");
      await cut(asked, 6 * mib);
      await store().remove(asked.bucket, asked.key, context());
      const done: number[] = [];
      await store().upload({ ...asked, onProgress: (bytes) => done.push(bytes) }, context());
      expect(done[0], "nothing was there").toBeLessThan(5 * mib);
      await store().remove(asked.bucket, asked.key, context());
      await store().remove(asked.bucket, asked.key, context());
    });

    test("two of the same file at once", async () => {
      const asked = file(16 * mib, "twice");
      await Promise.all(
        [1, 2].map((index) => store().upload({ ...asked, statePath: `${asked.statePath}${index}` }, context())),
      );
      const { body } = await follow(await store().signedUrl(asked, 600));
      expect(body.equals(asked.content)).toBe(true);
      await store().remove(asked.bucket, asked.key, context());
    });
  });

  describe("links", () => {
    test("to put an object, as often as need be, and for nothing else", async () => {
      const { bucket } = file(1, "pushed");
      const object = { bucket, key: "cloudimg/console/a b.txt" };
      const link = await store().signedUrl(object, 600, "PUT");
      for (const text of ["first", "", "the second, which is longer"]) {
        expect((await follow(link, text)).status).toBe(200);
      }
      expect((await follow(await store().signedUrl(object, 600))).body.toString()).toBe("the second, which is longer");
      expect((await follow(link)).status).toBe(403);
      expect((await follow(await store().signedUrl(object, 601), "x")).status).toBe(403);
      expect((await follow(link.replace("a%20b", "b"), "x")).status).toBe(403);
      await store().remove(bucket, object.key, context());
      expect((await follow(await store().signedUrl(object, 602))).status).toBe(404);
    });

    test("that were changed, or have expired, lead nowhere", async () => {
      const asked = file(1000, "link");
      const stored = await store().upload(asked, context());
      const url = await store().signedUrl(stored, 600);
      const last = url.at(-1) === "0" ? "1" : "0";
      expect((await follow(url.slice(0, -1) + last)).status).toBe(403);
      skewMs = -3_600_000;
      expect((await follow(await store().signedUrl(stored, 600))).status).toBe(403);
      skewMs = 0;
      expect((await follow(await store().signedUrl(stored, 600))).body.equals(asked.content)).toBe(true);
      await store().remove(asked.bucket, asked.key, context());
    });
  });
}
