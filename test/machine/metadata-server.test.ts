import { expect, test } from "vitest";
import { type MetadataResponder, startMetadataServer } from "../../src/machine/metadata-server.ts";

const never = new AbortController().signal;
const echo: MetadataResponder = (method, path, headers) => ({
  status: path === "/none" ? 404 : 200,
  headers: { "content-type": "text/plain" },
  body: `${method} ${path} ${headers["x-token"] ?? ""}`,
});

test("answers on loopback, and tells what was asked", async () => {
  const seen: string[] = [];
  const server = await startMetadataServer(echo, { onRequest: ({ path }) => seen.push(path) }, never);
  const base = `http://127.0.0.1:${server.port}`;
  const put = await fetch(`${base}/latest?x=1`, { method: "PUT", headers: { "X-Token": "7" }, body: "a body" });
  expect(await put.text()).toBe("PUT /latest?x=1 7");
  expect((await fetch(`${base}/none`)).status).toBe(404);
  const head = await fetch(`${base}/x`, { method: "HEAD" });
  expect([head.headers.get("content-length"), await head.text()]).toEqual(["8", ""]);
  expect(server.requests().map(({ method, path, status }) => `${method} ${path} ${status}`)).toEqual([
    "PUT /latest?x=1 200",
    "GET /none 404",
    "HEAD /x 200",
  ]);
  expect(seen).toEqual(["/latest?x=1", "/none", "/x"]);
  await server.close();
  await server.close();
  await expect(fetch(base)).rejects.toThrow();
});

test("ends with its signal; a port that is taken is said so", async () => {
  const controller = new AbortController();
  const { port, ...server } = await startMetadataServer(echo, {}, controller.signal);
  await expect(startMetadataServer(echo, { port }, never)).rejects.toMatchObject({ code: "host/port-in-use" });
  controller.abort();
  await server.close();
  await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
});
