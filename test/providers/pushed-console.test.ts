import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { fail } from "../../src/core/errors.ts";
import type { CloudCapabilities } from "../../src/providers/cloud.ts";
import { storeDialects } from "../../src/providers/dialects.ts";
import { instanceUserData } from "../../src/providers/instance-user-data.ts";
import { listRuns } from "../../src/providers/journal-store.ts";
import { publishToCloud } from "../../src/providers/publish-cloud.ts";
import type { CloudPublishRequest } from "../../src/providers/publish-cloud-request.ts";
import { s3Store } from "../../src/providers/s3-store.ts";
import { credentialsOf } from "../../src/rehearsal/accounts.ts";
import { type StoreFixture, storeFixture } from "../rehearsal/object-store-fixture.ts";
import { leftIn } from "./fake-cloud.ts";
import { place } from "./publish-cloud-requests.ts";
import { loopback } from "./upload-fixture.ts";

const root = mkdtempSync(join(tmpdir(), "cloudimg-pushed-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let places = 0;
let fixture: StoreFixture | undefined;
afterEach(async () => {
  await fixture?.[Symbol.asyncDispose]();
  fixture = undefined;
});

const kinds = [
  ["tencent", "cos"],
  ["alibaba", "oss"],
  ["huawei", "obs"],
] as const;

type Kind = readonly [name: (typeof kinds)[number][0], dialect: (typeof kinds)[number][1]];

/** A fake cloud whose bucket is an emulated store's, and which shows no console. */
async function prepare(
  [name, dialect]: Kind,
  shown?: string,
  able: CloudCapabilities["console"] = shown === undefined ? "none" : "text",
) {
  fixture = await storeFixture(dialect);
  const { bucket, region, account, store: emulated } = fixture;
  const { request, fake, ...more } = place(join(root, String(places++)), { configuration: { bucket, copyTo: [] } });
  const connection = loopback(emulated.port);
  const store = s3Store(storeDialects[name], credentialsOf(account, region), connection);
  const sent: string[] = [];
  const prepared: CloudPublishRequest = {
    ...request,
    connection: { ...fake.clock, resolve: connection.resolve },
    cloud: {
      ...fake.cloud,
      capabilities: { ...fake.cloud.capabilities, console: able },
      instances: {
        ...fake.cloud.instances,
        evidence: async () => (shown === undefined ? {} : { console: shown }),
        async launch(asked, ...rest) {
          sent.push(Buffer.from(asked.userData ?? "").toString());
          return await fake.cloud.instances.launch(asked, ...rest);
        },
      },
    },
    store: {
      ...fake.store,
      signedUrl: store.signedUrl,
      async remove(...words) {
        await fake.store.remove(...words);
        await store.remove(...words);
      },
    },
    async access(_, __, { consoleUrl }) {
      return { publicKeyLine: "ssh-rsa AAAA", userData: instanceUserData({ consoleUrl: await consoleUrl() }) };
    },
  };
  const urlSent = () => /console_url: "(.*)"/.exec(sent.at(-1) ?? "")?.[1] ?? "";
  return { ...more, fake, request: prepared, emulated, urlSent, sent };
}

/** As the guest does. */
async function put(url: string, body: string, port: number): Promise<number | undefined> {
  const { host, pathname, search, protocol } = new URL(url);
  expect(protocol).toBe("http:");
  const options = { host: "127.0.0.1", port, method: "PUT", path: pathname + search, headers: { host } };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(options, resolve).on("error", reject).end(body);
  });
  answer.resume();
  return answer.statusCode;
}

describe.each(kinds)("%s", (...kind) => {
  test("what the guest has sent is the console, and is removed with all else", async () => {
    const { request, context, fake, emulated, urlSent } = await prepare(kind);
    const seen: (string | undefined)[] = [];
    const report = await publishToCloud(
      {
        ...request,
        async smoke({ console }) {
          seen.push(await console());
          for (const text of ["network is up", "ready"]) {
            expect(await put(urlSent(), text, emulated.port)).toBe(200);
            seen.push(await console());
          }
          expect(await put(urlSent().replace(".txt", ".exe"), "x", emulated.port)).toBe(403);
          return { results: [] };
        },
      },
      context,
    );
    expect(seen).toEqual([undefined, "network is up", "ready"]);
    expect(report.evidence).toEqual({ console: expect.any(String), consoleFrom: "guest" });
    expect(readFileSync(report.evidence.console ?? "", "utf8")).toBe("ready");
    expect(urlSent()).toMatch(new RegExp(`^http://[^/]+/cloudimg/console/${report.run}\\.txt\\?`));
    expect([emulated.entries(), leftIn(fake.state()), report.leftovers]).toEqual([[], [], []]);
  });
});

test("a cloud that shows the console gets no link, and its console counts", async () => {
  const { request, context, sent } = await prepare(kinds[0], "login:\n");
  const report = await publishToCloud({ ...request, smoke: async () => ({ results: [] }) }, context);
  expect(sent).toEqual([""]);
  expect(report.evidence.consoleFrom).toBe("cloud");
});

test.each([
  ["guest", undefined],
  ["cloud", "login:\n"],
] as const)("where it is not certain that the cloud shows the console, it is that of the %s", async (from, shown) => {
  const { request, context, emulated, urlSent, fake } = await prepare(kinds[2], shown, "uncertain");
  const smoke: CloudPublishRequest["smoke"] = async () => {
    expect(await put(urlSent(), "ready", emulated.port)).toBe(200);
    return { results: [] };
  };
  const report = await publishToCloud({ ...request, smoke }, context);
  expect(report.evidence.consoleFrom).toBe(from);
  expect(readFileSync(report.evidence.console ?? "", "utf8")).toBe(shown ?? "ready");
  expect([emulated.entries(), leftIn(fake.state()), report.leftovers]).toEqual([[], [], []]);
});

test("the file of the image may stay, the console never does", async () => {
  const { request, context, emulated, urlSent } = await prepare(kinds[0]);
  const configuration = { ...request.configuration, keepObject: true };
  const smoke: CloudPublishRequest["smoke"] = async () => {
    await put(urlSent(), "ready", emulated.port);
    return { results: [] };
  };
  const report = await publishToCloud({ ...request, configuration, smoke }, context);
  expect([emulated.entries(), report.leftovers]).toEqual([[], []]);
});

test("a run that was interrupted leaves no console, and goes on with a new one", async () => {
  const { request, context, emulated, urlSent } = await prepare(kinds[0]);
  const stop = new AbortController();
  const smoke: CloudPublishRequest["smoke"] = async ({ console }, { signal }) => {
    const before = await console();
    await put(urlSent(), "the first", emulated.port);
    if (signal === stop.signal) stop.abort(new Error("interrupted"));
    signal.throwIfAborted();
    return { results: [], hostKeyFingerprint: String(before) };
  };
  await expect(publishToCloud({ ...request, smoke }, { ...context, signal: stop.signal })).rejects.toThrow(
    "interrupted",
  );
  expect(emulated.entries()).toEqual([]);
  const report = await publishToCloud({ ...request, smoke }, context);
  expect(report.instance.hostKeyFingerprint).toBe("undefined");
  expect(listRuns(context)).toHaveLength(1);
  expect(emulated.entries()).toEqual([]);
});

test("an instance that is lost leaves its console to no other", async () => {
  const { request, context, fake, emulated, urlSent } = await prepare(kinds[0]);
  const seen: (string | undefined)[] = [];
  const smoke: CloudPublishRequest["smoke"] = async ({ id, console }) => {
    seen.push(await console());
    await put(urlSent(), `of ${id}`, emulated.port);
    if (seen.length > 1) return { results: [] };
    fake.edit((now) => ({
      instances: now.instances.map((one) => (one.id === id ? { ...one, state: "stopped" } : one)),
    }));
    fail("check/instance-died", "cannot check: it is gone");
  };
  const report = await publishToCloud({ ...request, smoke }, context);
  expect(seen).toEqual([undefined, undefined]);
  expect(readFileSync(report.evidence.console ?? "", "utf8")).toBe("of i-2");
  expect(emulated.entries()).toEqual([]);
});

test("user data beyond what the cloud takes is refused before anything is launched", async () => {
  const { request, context, fake, sent } = await prepare(kinds[0]);
  const access: CloudPublishRequest["access"] = async (_, __, { consoleUrl }) => {
    const given = `#!/bin/sh\n${"x".repeat(16_200)}`;
    return { publicKeyLine: "ssh-rsa AAAA", userData: instanceUserData({ given, consoleUrl: await consoleUrl() }) };
  };
  await expect(publishToCloud({ ...request, access }, context)).rejects.toMatchObject({
    code: "cloud/refused",
    problems: [{ hint: expect.stringContaining("16384") }],
  });
  expect([sent, fake.state().made["instance"]]).toEqual([[], undefined]);
});

test("no link is written down", async () => {
  const { request, context, events, urlSent, emulated } = await prepare(kinds[0]);
  const smoke: CloudPublishRequest["smoke"] = async () => {
    await put(urlSent(), "ready", emulated.port);
    return { results: [] };
  };
  const report = await publishToCloud({ ...request, smoke }, context);
  const written = readFileSync(join(context.directories.data, "runs", report.run, "run.json"), "utf8");
  expect(`${written}${JSON.stringify([events, report])}`).not.toMatch(/q-signature|q-ak/);
});
