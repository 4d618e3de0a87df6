import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { bundleForQuickjs } from "../../src/guest-config/bundle.ts";
import type { HttpRequest } from "../../src/guest-config/initializer/http.ts";
import { runOracle } from "../oracles/run.ts";
import { oracle } from "../oracles/tools.ts";

// What the guest does when it asks for something: QuickJS, busybox's nc and servers of every temper.

let directory: string;
let script: string;
let guestPath: string;
const servers: Server[] = [];
const sockets = new Set<Socket>();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-http-"));
  script = join(directory, "fetch.js");
  writeFileSync(script, await bundleForQuickjs(fileURLToPath(new URL("fetch-for-quickjs.ts", import.meta.url))));
  guestPath = join(directory, "bin");
  mkdirSync(guestPath);
  symlinkSync((await oracle("busybox"))[0] as string, join(guestPath, "nc"));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  for (const socket of sockets) socket.destroy();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function listen(server: Server, host = "127.0.0.1"): Promise<string> {
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return String((server.address() as AddressInfo).port);
}

const serve = async (listener: RequestListener, host?: string) => await listen(createHttpServer(listener), host);
/** What comes over the wire is exactly this, once a request has come. */
const say = async (work: (socket: Socket, request: string) => void) =>
  await listen(
    createServer({ allowHalfOpen: true }, (socket) => socket.once("data", (data) => work(socket, String(data)))),
  );

interface Result {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly failure?: string;
  readonly kind?: string;
  readonly ms: number;
  readonly left: number;
}

type Wish = Partial<HttpRequest> & { url: string };

async function inGuest(...requests: Wish[]): Promise<Result[]> {
  return await inGuestAt(mkdtempSync(join(directory, "root-")), ...requests);
}

async function inGuestAt(root: string, ...requests: Wish[]): Promise<Result[]> {
  return await inGuestWith(guestPath, root, requests);
}

async function inGuestWith(programs: string, root: string, requests: readonly Wish[]): Promise<Result[]> {
  const file = join(directory, "requests.json");
  const all = requests.map((request) => ({ method: "GET", timeoutMs: 5000, limitBytes: 1 << 20, ...request }));
  writeFileSync(file, JSON.stringify(all));
  const [program = "", ...first] = await oracle("qjs");
  const child = spawn(program, [...first, "-m", script, root, file], { env: { PATH: programs } });
  let output = "";
  let errors = "";
  child.stdout.on("data", (part) => (output += part));
  child.stderr.on("data", (part) => (errors += part));
  await new Promise((resolve) => child.on("close", resolve));
  expect(errors).toBe("");
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const result = JSON.parse(line) as Result;
      return result.body === undefined
        ? result
        : { ...result, body: Buffer.from(result.body, "base64").toString("latin1") };
    });
}

async function get(url: string, more: Partial<HttpRequest> = {}): Promise<Result> {
  const [result] = await inGuest({ url, ...more });
  if (result === undefined) throw new Error("no result");
  expect(result.left).toBe(0);
  return result;
}

test("a plain answer; the request as the server sees it", async () => {
  const port = await serve(({ method, url, headers }, response) =>
    response.end(JSON.stringify({ method, url, headers })),
  );
  const { status, body, headers } = await get(`http://127.0.0.1:${port}/a/ö?b=1#c`, { headers: { "X-Token": "t" } });
  expect([status, headers?.["connection"]]).toEqual([200, "close"]);
  expect(JSON.parse(body ?? "")).toEqual({
    method: "GET",
    url: "/a/%C3%B6?b=1",
    headers: {
      host: `127.0.0.1:${port}`,
      "user-agent": "cloudimg-init",
      accept: "*/*",
      connection: "close",
      "x-token": "t",
    },
  });
});

test("PUT without and POST with a body, HEAD without an answer's", async () => {
  const port = await serve((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => response.end(`${request.method} ${request.headers["content-length"]} ${body}`));
  });
  const url = `http://127.0.0.1:${port}/`;
  const results = await inGuest(
    { url, method: "PUT" },
    { url, method: "POST", body: "größe" },
    { url, method: "HEAD" },
  );
  expect(results.map(({ status, body }) => [status, body])).toEqual([
    [200, "PUT 0 "],
    [200, `POST 7 gr\u00c3\u00b6\u00c3\u009fe`],
    [200, ""],
  ]);
});

test("bytes of a body stay as they are, in one piece and in chunks", async () => {
  const bytes = randomBytes(300_000);
  const port = await serve(({ url }, response) => {
    if (url === "/whole") response.setHeader("content-length", bytes.length);
    for (let at = 0; at < bytes.length; at += 70_000) response.write(bytes.subarray(at, at + 70_000));
    response.end();
  });
  for (const path of ["whole", "chunks"]) {
    const { status, body } = await get(`http://127.0.0.1:${port}/${path}`);
    expect([status, body === bytes.toString("latin1")]).toEqual([200, true]);
  }
});

test("an answer that takes its time comes, though nothing more is sent", async () => {
  const port = await serve((_, response) => setTimeout(() => response.end("late"), 400));
  const { body, ms } = await get(`http://127.0.0.1:${port}/`);
  expect(body).toBe("late");
  expect(ms).toBeGreaterThan(390);
});

describe("a server that keeps the connection open costs no time", () => {
  test.each([
    ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
    [
      "chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n",
    ],
    ["an answer before the answer", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
  ])("%s", async (_, answer) => {
    const port = await say((socket) => socket.write(answer));
    const { body, ms } = await get(`http://127.0.0.1:${port}/`);
    expect(body).toBe("hello");
    expect(ms).toBeLessThan(2500);
  });
});

test("without a length the end of the connection ends the answer", async () => {
  const port = await say((socket) => socket.end("HTTP/1.0 200 OK\n\nhello"));
  expect(await get(`http://127.0.0.1:${port}/`)).toMatchObject({ status: 200, body: "hello" });
});

test("errors and redirects are answers", async () => {
  const port = await serve(({ url }, response) => {
    response.writeHead(Number(url?.slice(1)), { location: "/200" });
    response.end("why");
  });
  const url = (status: number) => ({ url: `http://127.0.0.1:${port}/${status}` });
  const results = await inGuest(url(500), url(302), url(404), url(204));
  expect(results.map(({ status, body }) => [status, body])).toEqual([
    [500, "why"],
    [302, "why"],
    [404, "why"],
    [204, ""],
  ]);
});

describe("faults end in a reason, within their time", () => {
  test("nobody listens", async () => {
    const port = await serve(() => {});
    await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
    const { failure, kind, ms } = await get(`http://127.0.0.1:${port}/`);
    expect([kind, failure]).toEqual(["unreachable", expect.stringMatching(/refused/i)]);
    expect(ms).toBeLessThan(2000);
  });

  test("a server that never answers, and one that stops in the middle", async () => {
    const silent = await serve(() => {});
    const stuck = await say((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"));
    for (const port of [silent, stuck]) {
      const { kind, ms } = await get(`http://127.0.0.1:${port}/`, { timeoutMs: 600 });
      expect(kind).toBe("timeout");
      expect(ms).toBeGreaterThanOrEqual(600);
      expect(ms).toBeLessThan(2000);
    }
  });

  test("a drop every moment does not put the deadline off", async () => {
    const port = await say((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const timer = setInterval(() => socket.write("."), 20);
      socket.on("close", () => clearInterval(timer));
    });
    const { kind, ms } = await get(`http://127.0.0.1:${port}/`, { timeoutMs: 600 });
    expect(kind).toBe("timeout");
    expect(ms).toBeLessThan(2000);
  });

  test("closed before and in the middle of the answer", async () => {
    const nothing = await say((socket) => socket.end());
    const half = await say((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhe"));
    const reset = await say((socket) => socket.resetAndDestroy());
    for (const port of [nothing, half, reset])
      expect(await get(`http://127.0.0.1:${port}/`)).toMatchObject({
        kind: "unreachable",
        failure: expect.stringContaining("closed the connection"),
      });
  });

  test("100 MB are refused while they arrive, whether or not their length is told", async () => {
    let sent = 0;
    const megabyte = Buffer.alloc(1 << 20, "x");
    const port = await serve(({ url }, response) => {
      if (url === "/told") response.setHeader("content-length", 100 << 20);
      const more = (): void => {
        if (sent++ >= 100 || response.destroyed) return void response.end();
        if (response.write(megabyte)) setImmediate(more);
        else response.once("drain", more);
      };
      more();
    });
    for (const path of ["told", "untold"]) {
      sent = 0;
      const { kind, failure } = await get(`http://127.0.0.1:${port}/${path}`);
      expect([kind, failure]).toEqual(["refused", "the answer is longer than 1048576 bytes"]);
    }
  });

  test.each([
    ["no HTTP", "SSH-2.0-OpenSSH_10.0\r\n"],
    ["a head without end", `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(20_000)}`],
    ["a head that is none", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"],
    ["a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
    ["a chunk that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ["a coding that nobody asked for", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
  ])("%s", async (_, answer) => {
    const port = await say((socket) => socket.write(answer));
    expect(await get(`http://127.0.0.1:${port}/`, { timeoutMs: 3000 })).toMatchObject({ kind: "refused" });
  });

  test("URLs and headers that would say more than they should", async () => {
    const port = await serve((_, response) => response.end("never"));
    const url = `http://127.0.0.1:${port}/`;
    const results = await inGuest(
      { url: `${url}a b` },
      { url: `${url}a\r\nX: y` },
      { url: `http://user:secret@127.0.0.1:${port}/` },
      { url: "http://-e/" },
      { url: "http://[::1%;reboot]/" },
      { url: "ftp://127.0.0.1/" },
      { url: "http://127.0.0.1:99999/" },
      { url, headers: { "X-A": "b\r\nX-C: d" } },
      { url, headers: { "X A": "b" } },
      { url, method: "POST", body: "x".repeat(40_000) },
    );
    expect(results.map(({ kind }) => kind)).toEqual(results.map(() => "refused"));
  });

  test("an image without nc", async () => {
    const root = mkdtempSync(join(directory, "root-"));
    expect(await inGuestWith(root, root, [{ url: "http://127.0.0.1:1/" }])).toMatchObject([
      { kind: "refused", failure: expect.stringContaining("cannot be started") },
    ]);
  });

  test("https without curl is said so", async () => {
    expect(await get("https://127.0.0.1:1/")).toMatchObject({
      kind: "refused",
      failure: "https needs curl, which this image does not have",
    });
  });
});

test("https is curl's, which believes in certificates only", async () => {
  const keyPath = join(directory, "key.pem");
  const certificatePath = join(directory, "certificate.pem");
  const made = await runOracle("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", keyPath, "-out", certificatePath],
  ]);
  expect(made).toMatchObject({ status: 0 });
  const certificate = readFileSync(certificatePath);
  const server = createHttpsServer({ key: readFileSync(keyPath), cert: certificate }, (request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => response.end(`${request.method} ${request.headers["x-token"]} ${body}`));
  });
  const url = `https://127.0.0.1:${await listen(server)}/`;
  const [curl = "", ...more] = await oracle("curl");
  writeFileSync(join(guestPath, "curl"), `#!/bin/sh\nexec ${[curl, ...more].join(" ")} "$@"\n`, { mode: 0o755 });
  const root = mkdtempSync(join(directory, "root-"));
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  writeFileSync(join(root, "usr/bin/curl"), "");

  const headers = { "X-Token": "t" };
  expect((await inGuestAt(root, { url }))[0]).toMatchObject({ kind: "refused" });
  writeFileSync(join(root, "ca.pem"), certificate);
  const results = await inGuestAt(
    root,
    { url, headers },
    { url, headers, method: "POST", body: "größe" },
    { url, limitBytes: 3 },
    { url: "https://127.0.0.1:1/" },
  );
  expect(results.map(({ status, body, kind }) => [status ?? kind, body])).toEqual([
    [200, "GET t "],
    [200, "POST t gr\u00c3\u00b6\u00c3\u009fe"],
    ["refused", undefined],
    ["unreachable", undefined],
  ]);
});

test("IPv6, and a link-local address with its card", async () => {
  const port = await serve(({ headers }, response) => response.end(headers.host), "::");
  expect(await get(`http://[::1]:${port}/`)).toMatchObject({ status: 200, body: `[::1]:${port}` });
  for (const [name, addresses = []] of Object.entries(networkInterfaces()))
    for (const { address, family } of addresses)
      if (family === "IPv6" && address.startsWith("fe80:"))
        expect(await get(`http://[${address}%25${name}]:${port}/`)).toMatchObject({ body: `[${address}]:${port}` });
});
