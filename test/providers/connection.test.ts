import { createServer, type IncomingMessage, request as plainRequest, type Server } from "node:http";
import { request } from "node:https";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { ServiceAddress } from "../../src/providers/connection.ts";
import { directConnection, httpAgent } from "../../src/providers/direct-connection.ts";

const closers: (() => Promise<unknown> | undefined)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const never = new AbortController().signal;

test("an https request goes in clear text to where the connection says, and keeps the service's name", async () => {
  const { server, port } = await listen();
  const seen: (string | undefined)[] = [];
  server.on("request", (message, response) => {
    seen.push(message.headers.host);
    response.end("hello");
  });
  const asked: string[] = [];
  const agent = httpAgent({
    resolve(host) {
      asked.push(host);
      return { protocol: "http:", address: "127.0.0.1", port };
    },
  });
  closers.push(async () => agent.destroy());
  expect(await get("https://img-125.cos.ap-guangzhou.myqcloud.com/a", agent)).toBe("hello");
  expect(await get("https://img-125.cos.ap-guangzhou.myqcloud.com/b", agent)).toBe("hello");
  expect(seen).toEqual(Array(2).fill("img-125.cos.ap-guangzhou.myqcloud.com"));
  expect(asked, "the second request takes the first one's connection").toEqual([
    "img-125.cos.ap-guangzhou.myqcloud.com",
  ]);
});

test("two hosts at different places do not share a connection", async () => {
  const servers = await Promise.all([listen(), listen()]);
  for (const [index, { server }] of servers.entries()) server.on("request", (_, response) => response.end(`${index}`));
  const places = new Map<string, ServiceAddress>(
    servers.map(({ port }, index) => [`s${index}.example`, { protocol: "http:", address: "127.0.0.1", port }]),
  );
  const agent = httpAgent({ resolve: (host) => places.get(host) });
  closers.push(async () => agent.destroy());
  expect(await Promise.all(["s0", "s1", "s0", "s1"].map((name) => get(`https://${name}.example/`, agent)))).toEqual([
    "0",
    "1",
    "0",
    "1",
  ]);
});

test("what the connection does not resolve is https, whose certificate is checked", async () => {
  const { server, port } = await listen();
  let requests = 0;
  server.on("request", () => requests++);
  const agent = httpAgent(directConnection);
  closers.push(async () => agent.destroy());
  await expect(get(`https://127.0.0.1:${port}/`, agent)).rejects.toThrow();
  expect(requests, "nothing was sent in clear text").toBe(0);
});

test("an http server that is gone is an error with a code", async () => {
  const { server, port } = await listen();
  await new Promise((resolve) => server.close(resolve));
  const agent = httpAgent({ resolve: () => ({ protocol: "http:", address: "127.0.0.1", port }) });
  await expect(get("https://cos.example/", agent)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("dials, and says by code why it could not", async () => {
  const server = createTcpServer((socket) => socket.end("SSH-2.0-x\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const socket = await directConnection.dial({ host: "127.0.0.1", port }, never);
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  expect(Buffer.concat(pieces).toString()).toBe("SSH-2.0-x\r\n");
  await new Promise((resolve) => server.close(resolve));
  await expect(directConnection.dial({ host: "127.0.0.1", port }, never)).rejects.toMatchObject({
    code: "ECONNREFUSED",
  });
});

test("dialling and sleeping end with the signal's reason", async () => {
  const reason = new Error("enough");
  await expect(directConnection.dial({ host: "127.0.0.1", port: 1 }, AbortSignal.abort(reason))).rejects.toBe(reason);
  await expect(directConnection.sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  const later = new AbortController();
  const slept = directConnection.sleep(60_000, later.signal);
  later.abort(reason);
  await expect(slept).rejects.toBe(reason);
});

test("an agent of ours refuses requests that are not https, so that nothing goes out in clear text by mistake", () => {
  const agent = httpAgent(directConnection);
  expect(() => plainRequest("http://cos.example/", { agent })).toThrow("Protocol");
});

async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

async function get(url: string, agent: ReturnType<typeof httpAgent>): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { agent }, resolve).on("error", reject).end();
  });
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}
