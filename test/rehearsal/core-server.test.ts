import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { headerOf, startHttpServer, type WireHandler, type WireRequest } from "../../src/rehearsal/http-server.ts";

const controller = new AbortController();
const servers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(handler: WireHandler, options = {}) {
  const server = await startHttpServer(handler, options, controller.signal);
  servers.push(server);
  return server;
}

/** Sends bytes as they are, and gives all that comes back until the end. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(text, "latin1");
  let answer = "";
  socket.on("data", (part: Buffer) => {
    answer += part.toString("latin1");
  });
  await once(socket, "close");
  return answer;
}

test("a request arrives as it was sent", async () => {
  const seen: WireRequest[] = [];
  const { port } = await serve(async (request) => {
    seen.push(request);
    return { status: 200, headers: { connection: "close" }, body: "yes" };
  });
  const answer = await raw(
    port,
    "PUT /a%2fb/../c+d?x=%20&x=*~&=&e HTTP/1.1\r\nHost: Bucket.Example:80\r\nX-Two: 1\r\nx-two:  2 \r\nX-High: \xe9\r\nContent-Length: 3\r\n\r\n\x00\xff1",
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*content-length: 3[\s\S]*\r\n\r\nyes$/);
  const [request] = seen as [WireRequest];
  expect(request).toMatchObject({
    method: "PUT",
    path: "/a%2fb/../c+d",
    query: "x=%20&x=*~&=&e",
    host: "Bucket.Example:80",
  });
  expect(request.headers).toContainEqual(["X-Two", "1"]);
  expect(request.headers).toContainEqual(["x-two", "2"]);
  expect(headerOf(request, "X-TWO")).toBe("1,2");
  expect(headerOf(request, "x-high")).toBe("\xe9");
  expect(headerOf(request, "x-none")).toBeUndefined();
  expect([...request.body]).toEqual([0, 255, 0x31]);
});

test("a whole URL is a path too; anything else is refused", async () => {
  const { port } = await serve(async ({ path, query, host }) => ({
    status: 200,
    headers: { connection: "close" },
    body: `${host} ${path} ${query}`,
  }));
  expect(await raw(port, "GET http://one.example/a?b HTTP/1.1\r\nHost: two\r\n\r\n")).toMatch(/two \/a b$/);
  expect(await raw(port, "OPTIONS * HTTP/1.1\r\nHost: two\r\n\r\n")).toMatch(/^HTTP\/1\.1 400/);
});

test("a body over the limit is refused, announced or not", async () => {
  let handled = 0;
  const { port } = await serve(
    async () => {
      handled++;
      return { status: 200, headers: { connection: "close" } };
    },
    { mostBodyBytes: 4 },
  );
  expect(await raw(port, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345")).toMatch(/^HTTP\/1\.1 413/);
  const chunks = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n3\r\n456\r\n0\r\n\r\n";
  expect(await raw(port, chunks)).toMatch(/^(HTTP\/1\.1 413|$)/);
  expect(handled).toBe(0);
  expect(await raw(port, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n1234")).toMatch(/^HTTP\/1\.1 200/);
});

test("streams are sent, HEAD and 204 have no body, a drop cuts the connection", async () => {
  const { port } = await serve(async ({ path }) => {
    if (path === "/drop") return "drop";
    if (path === "/none") return { status: 204, headers: { connection: "close" } };
    const body = (async function* () {
      for (let at = 0; at < 100; at++) yield Buffer.alloc(10_000, at);
    })();
    return { status: 200, headers: { "content-length": "1000000" }, body };
  });
  const whole = await fetch(`http://127.0.0.1:${port}/`);
  expect((await whole.arrayBuffer()).byteLength).toBe(1_000_000);
  const head = await fetch(`http://127.0.0.1:${port}/`, { method: "HEAD" });
  expect([head.headers.get("content-length"), await head.text()]).toEqual(["1000000", ""]);
  expect(await raw(port, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n")).not.toMatch(/content-length/i);
  expect(await raw(port, "GET /drop HTTP/1.1\r\nHost: a\r\n\r\n")).toBe("");
});

test("what a handler throws is a defect that is kept, and answered with 500", async () => {
  const server = await serve(async () => {
    throw new TypeError("x");
  });
  expect((await fetch(`http://127.0.0.1:${server.port}/`)).status).toBe(500);
  expect(server.defects()).toEqual([new TypeError("x")]);
});

test("closing ends kept connections and waiting handlers; so does the signal", async () => {
  for (const how of ["close", "abort"] as const) {
    const own = new AbortController();
    let told: AbortSignal | undefined;
    const arrived = Promise.withResolvers<void>();
    const server = await startHttpServer(
      (_request, signal) => {
        told = signal;
        arrived.resolve();
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
      {},
      own.signal,
    );
    const agent = new Agent({ keepAlive: true });
    const pending = httpRequest({ host: "127.0.0.1", port: server.port, agent });
    const failed = once(pending, "error");
    pending.end();
    await arrived.promise;
    if (how === "close") await server.close();
    else own.abort(new Error("over"));
    await Promise.all([server.close(), server.close()]);
    expect(told?.aborted).toBe(true);
    await failed;
    expect(server.defects()).toEqual([]);
    agent.destroy();
  }
  const over = AbortSignal.abort(new Error("over"));
  await expect(startHttpServer(async () => "drop", {}, over)).rejects.toThrow("over");
});

test("a port that is in use is told", async () => {
  const { port } = await serve(async () => "drop");
  await expect(serve(async () => "drop", { port })).rejects.toMatchObject({ code: "host/port-in-use" });
});
