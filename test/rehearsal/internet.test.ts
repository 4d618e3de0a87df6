import { once } from "node:events";
import { request } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { connectionOf } from "../../src/providers/led-connection.ts";
import { startConnectProxy } from "../../src/rehearsal/connect-proxy.ts";
import { domains, portsOf } from "../../src/rehearsal/emulated-cloud.ts";
import { makeInternet } from "../../src/rehearsal/internet.ts";
import { makeCloudLedger } from "../../src/rehearsal/ledger.ts";

const numRuns = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300);
const signal = new AbortController().signal;

/** Answers with what it is sent, when the client has sent all. */
async function echo(): Promise<(port: number) => Promise<Socket>> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const parts: Buffer[] = [];
    socket.on("error", () => {});
    socket.on("data", (part) => parts.push(part));
    socket.on("end", () => socket.end(Buffer.concat(parts)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return async () => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  };
}

describe("addresses", () => {
  test("are somebody's as long as anybody says so, and answer while a machine is attached", async () => {
    const internet = makeInternet();
    const dial = async (port = 22) => (await internet.dial({ host: "203.0.113.9", port }, signal)).destroy();
    const unreachable = { code: "EHOSTUNREACH" };
    await expect(dial()).rejects.toMatchObject(unreachable);
    const [first, second] = [internet.assign("203.0.113.9"), internet.assign("203.0.113.9")];
    first();
    first();
    await expect(dial()).rejects.toMatchObject({ code: "ETIMEDOUT" });
    const detach = internet.attach("203.0.113.9", [22], await echo());
    await dial();
    // Somebody else has the address by now: a late goodbye is not meant for them.
    internet.attach("203.0.113.9", [22, 80], await echo());
    detach();
    await dial(80);
    second();
  });
});

describe("the proxy", () => {
  const started = async () => {
    const internet = makeInternet();
    internet.attach("203.0.113.9", [7], await echo());
    const proxy = await startConnectProxy(internet.dial, 0, signal);
    onTestFinished(proxy.close);
    const asked = (path: string, method = "CONNECT") =>
      new Promise<number | undefined>((resolve, reject) => {
        const question = request({ port: proxy.port, host: "127.0.0.1", method, path, agent: false });
        question.on("connect", ({ statusCode }, socket) => {
          socket.destroy();
          resolve(statusCode);
        });
        question.on("response", (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        question.on("error", reject);
        question.end();
      });
    return { proxy, asked, connection: connectionOf({ CLOUDIMG_INSTANCE_PROXY: `http://127.0.0.1:${proxy.port}` }) };
  };

  test("leads to where the internet leads, each direction to its end", async () => {
    const { connection } = await started();
    const socket = await connection.dial({ host: "203.0.113.9", port: 7 }, signal);
    const sent = Buffer.alloc(300_000, "echo");
    socket.end(sent);
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    expect(Buffer.concat(parts).equals(sent)).toBe(true);
  });

  test("refuses what is no CONNECT to a host and a port", async () => {
    const { asked } = await started();
    expect(await asked("203.0.113.9:7")).toBe(200);
    expect(await asked("203.0.113.8:7")).toBe(502);
    expect(await asked("nowhere")).toBe(400);
    expect(await asked("203.0.113.9:123456")).toBe(400);
    expect(await asked("/", "GET")).toBe(405);
  });

  test("its end is the end of what it leads", async () => {
    const { connection, proxy } = await started();
    const socket = await connection.dial({ host: "203.0.113.9", port: 7 }, signal);
    socket.on("error", () => {});
    const closed = once(socket, "close");
    await proxy.close();
    await closed;
    await proxy.close();
  });
});

describe("rules of security groups", () => {
  test("as the vendors write them", () => {
    expect(portsOf("22")).toEqual([22]);
    expect(portsOf("22,80")).toEqual([22, 80]);
    expect(portsOf("8000-8002")).toEqual([8000, 8001, 8002]);
    expect(portsOf("443/443")).toEqual([443]);
    expect(portsOf("ALL")).toHaveLength(65_535);
    expect(portsOf("-1/-1")).toHaveLength(65_535);
    expect(portsOf("icmp")).toEqual([]);
  });

  test("whatever they say, ports are ports", () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[\d,/-]{0,20}$/));
    fc.assert(
      fc.property(text, (rule) => {
        for (const port of portsOf(rule)) if (!(Number.isInteger(port) && port > 0 && port < 65_536)) return false;
        return true;
      }),
      { numRuns },
    );
  });
});

test("hosts lead to the store before they lead to the API", () => {
  const places = {
    tencent: ["images-1250000000.cos.ap-guangzhou.myqcloud.com", "cvm.tencentcloudapi.com"],
    alibaba: ["images.s3.oss-cn-hangzhou.aliyuncs.com", "ecs.cn-hangzhou.aliyuncs.com"],
    huawei: ["images.obs.cn-north-4.myhuaweicloud.com", "ims.cn-north-4.myhuaweicloud.com"],
  } as const;
  for (const [name, [store, api]] of Object.entries(places)) {
    const { store: stores, api: apis } = domains[name as keyof typeof places];
    const rules = [...stores.map((one) => `${one}=http://s:1`), ...apis.map((one) => `${one}=http://a:2`)];
    const { resolve } = connectionOf({ CLOUDIMG_RESOLVE: rules.join(" ") });
    expect([resolve(store)?.port, resolve(api)?.port]).toEqual([1, 2]);
    // Without a bucket.
    expect(resolve(store.replace(/^images[\w-]*\./, ""))?.port).toBe(1);
    expect(resolve("example.org")).toBeUndefined();
  }
});

test("the ledger takes note of what comes and goes", () => {
  let nowMs = 0;
  const ledger = makeCloudLedger({ now: () => nowMs });
  const image = { kind: "image", id: "img-1", region: "r" } as const;
  ledger.observe([image]);
  ledger.observe([image]);
  nowMs = 5;
  ledger.observe([]);
  ledger.observe([image]);
  expect(ledger.entries()).toMatchObject([{ madeMs: 0, removedMs: 5 }, { madeMs: 5 }]);
  expect(ledger.left()).toEqual([image]);
});
