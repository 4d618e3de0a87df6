import { createServer } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { storeDialects } from "../../src/providers/dialects.ts";
import { directConnection, httpAgent } from "../../src/providers/direct-connection.ts";
import { s3Store } from "../../src/providers/s3-store.ts";
import { credentialsOf } from "../../src/rehearsal/accounts.ts";
import { storeFixture } from "../rehearsal/object-store-fixture.ts";
import { rehearse as rehearseTencent } from "../rehearsal/tencent-fixture.ts";
import { makeWorld } from "./alibaba/world.ts";
import { rehearse as rehearseHuawei } from "./huawei/huawei-run.ts";
import { loopback } from "./upload-fixture.ts";

const variables = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const setProxy = (url: string) => {
  for (const name of variables) vi.stubEnv(name, url);
  for (const name of ["no_proxy", "NO_PROXY"]) vi.stubEnv(name, undefined);
};
afterEach(() => {
  vi.unstubAllEnvs();
});

describe("hosts that are led elsewhere are reached without the proxy of the environment", () => {
  // Nobody answers there: RFC 863's port, on loopback.
  beforeEach(() => setProxy("http://127.0.0.1:9"));

  test("tencent, whose SDK takes a proxy for loopback too", async () => {
    const { cloud, context } = await rehearseTencent();
    expect(await cloud.images.find({}, context)).toEqual([]);
  });

  test("alibaba", async () => {
    const { cloud, context } = await makeWorld();
    expect(await cloud.images.find({}, context)).toEqual([]);
  });

  test("huawei", async () => {
    const { cloud, context, close } = await rehearseHuawei();
    try {
      expect(await cloud.images.find({}, context)).toEqual([]);
    } finally {
      await close();
    }
  });

  test("the object store", async () => {
    await using fixture = await storeFixture("oss");
    const { account, region, bucket, store } = fixture;
    const connection = loopback(store.port);
    const client = s3Store(storeDialects.alibaba, credentialsOf(account, region), connection);
    const context = { emit: () => {}, signal: AbortSignal.timeout(20_000) };
    expect(await client.checkBucket(bucket, context as never)).toMatchObject({ region });
  });
});

test("clouds themselves are reached through it", async () => {
  const asked: string[] = [];
  const proxy = createServer();
  proxy.on("connect", ({ url = "" }, socket) => {
    asked.push(url);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  setProxy(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  const agent = httpAgent(directConnection);
  try {
    const answer = new Promise((_, reject) => {
      request({ host: "cvm.tencentcloudapi.com", agent, path: "/" }).on("error", reject).end();
    });
    await expect(answer).rejects.toThrow();
    expect(asked).toEqual(["cvm.tencentcloudapi.com:443"]);
  } finally {
    agent.destroy();
    proxy.close();
  }
});
