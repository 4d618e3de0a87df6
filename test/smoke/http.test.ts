import type { RequestListener } from "node:http";
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { HttpCheck } from "../../src/smoke/checks.ts";
import { runSmoke, type SmokeRequest } from "../../src/smoke/run.ts";
import { selfSignedCertificate } from "./certificate.ts";
import { type Listening, startHttpServer } from "./servers.ts";

const open: Listening[] = [];
afterEach(async () => {
  for (const it of open.splice(0)) await it.close();
});

async function serve(onRequest: RequestListener, options: Parameters<typeof startHttpServer>[1] = {}) {
  const server = await startHttpServer(onRequest, options);
  open.push(server);
  return server;
}

const page: RequestListener = (request, response) => {
  if (request.url === "/hang") return;
  if (request.url === "/moved") return void response.writeHead(302, { location: "/" }).end();
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "set-cookie": ["a=1", "b=2"] });
  response.end("<h1>It works</h1>\n");
};

async function smoke(port: number, check: Partial<HttpCheck>, http: Partial<SmokeRequest["http"]> = {}) {
  const complete = { path: "/", tls: false, status: 200, headers: {}, ...check };
  const { results } = await runSmoke({
    http: { host: "127.0.0.1", port, ...http },
    checks: { ssh: [], http: [complete] },
    defaultTimeoutMs: 400,
    signal: new AbortController().signal,
  });
  return results[0];
}

test("status, headers and body are compared", async () => {
  const { port } = await serve(page);
  const headers = { "Content-Type": "^text/html", "Set-Cookie": "a=1, b=2" };
  expect(await smoke(port, { headers, body: "^<h1>It works</h1>$" })).toMatchObject({
    name: "http: GET /",
    ok: true,
    attempts: 1,
    detail: "status 200, 18 bytes",
  });
  expect(await smoke(port, { path: "/moved", status: 302, headers: { Location: "^/$" } })).toMatchObject({ ok: true });
});

test.each([
  [{ status: 404 }, "its status is 200, not 404"],
  [{ path: "/moved" }, "its status is 302, not 200"],
  [{ headers: { "X-Missing": "." } }, "it has no header X-Missing"],
  [{ headers: { "Content-Type": "json" } }, 'its Content-Type "text/html; charset=utf-8" does not match /json/'],
  [{ body: "broken" }, 'its body "<h1>It works</h1>" does not match /broken/'],
  [{ path: "/hang" }, "no answer"],
] as const)("%j fails at its deadline: %s", async (check, detail) => {
  const { port } = await serve(page);
  const result = await smoke(port, check);
  expect(result).toMatchObject({ ok: false, detail, code: "check/failed" });
  expect(result?.durationMs).toBeLessThan(3_000);
});

test("a server that starts late is waited for", async () => {
  const early = await serve(page);
  await early.close();
  open.length = 0;
  const running = smoke(early.port, { timeout: 10_000 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await serve(page, { port: early.port });
  const result = await running;
  expect(result).toMatchObject({ ok: true });
  expect(result?.attempts).toBeGreaterThan(1);
});

test("nobody listening is told with the address", async () => {
  const { port, close } = await startHttpServer(page);
  await close();
  expect((await smoke(port, {}))?.detail).toBe(
    `cannot get http://127.0.0.1:${port}/: connect ECONNREFUSED 127.0.0.1:${port}`,
  );
});

test("a certificate that nobody vouches for is refused, unless it was allowed", async () => {
  const { port } = await serve(page, { tls: selfSignedCertificate("test") });
  expect((await smoke(port, { tls: true }))?.detail).toMatch(/self-signed certificate/);
  expect(await smoke(port, { tls: true }, { acceptSelfSigned: true })).toMatchObject({
    name: "https: GET /",
    ok: true,
  });
});

// With an agent, Node had connected by itself: to the instance's address, past the rehearsal.
test.each([false, true])("it goes through the connection that is handed in, and no other (tls: %s)", async (tls) => {
  const { port } = await serve(page, tls ? { tls: selfSignedCertificate("test") } : {});
  const dialled: unknown[] = [];
  const dial = async (endpoint: unknown) => {
    dialled.push(endpoint);
    return connect(port, "127.0.0.1");
  };
  // RFC 5737: nobody has that address.
  const result = await smoke(81, { tls, timeout: 5_000 }, { host: "203.0.113.7", dial, acceptSelfSigned: true });
  expect(result).toMatchObject({ ok: true, attempts: 1 });
  expect(dialled).toEqual([{ host: "203.0.113.7", port: 81 }]);
});
