import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Event } from "../../src/core/events.ts";
import { loadProfile } from "../../src/profile/load.ts";
import type { InstanceState } from "../../src/providers/cloud.ts";
import { smokeInCloud } from "../../src/providers/publish-cloud-smoke.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-smoke-"));
let server: Server;
let greeting = "";
beforeAll(async () => {
  // It says as much as the test wants, once it is connected.
  server = createServer((socket) => void socket.on("error", () => {}).write(greeting));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Of a profile without a single check. Every port of the instance leads to a server here. */
async function smoked(
  system: "none" | "busybox",
  { answers = true, says = "SSH-2.0-probe\r\n", services = "", state = "running" as InstanceState["state"] } = {},
) {
  const path = join(directory, "own.yaml");
  writeFileSync(path, `image: { name: own, system: ${system} }\n${services}\n`);
  greeting = says;
  const { profile } = await loadProfile(path, { environment: {} });
  const events: Event[] = [];
  const context = { emit: (event: Event) => void events.push(event), signal: new AbortController().signal };
  const dialled: number[] = [];
  const verdict = smokeInCloud(
    {
      cloud: {
        capabilities: { console: "none" },
        instances: { find: async () => [{ id: "i-1", state }] },
      } as never,
      connection: {
        async dial({ port }) {
          dialled.push(port);
          const address = server.address();
          if (!answers || address === null || typeof address === "string") throw new Error("no answer");
          return connect(address.port, "127.0.0.1");
        },
      },
      ...{ profile, privateKey: "", bootTimeoutMs: 300, watchEveryMs: 20 },
    },
    { id: "i-1", address: "203.0.113.1", directory, console: async () => undefined },
    context as never,
  );
  const outcome = await verdict.then(
    ({ results }) => ({ results }),
    (error: unknown) => ({ error }),
  );
  const ended = events.flatMap((event) => (event.type === "step-end" ? [event] : []));
  const statuses = ended.map(({ id, status }) => `${id} ${status}`);
  return { outcome, notes: ended.map(({ note }) => note), statuses, dialled };
}

test("an image that serves nothing is not asked: that its instance runs is all that can be known", async () => {
  const { outcome, notes, dialled } = await smoked("none");
  expect(outcome).toEqual({ results: [] });
  expect(notes).toEqual(["it serves nothing that could be asked", "the profile has no checks"]);
  expect(dialled).toEqual([]);
});

test("without checks the port of a service has to answer", async () => {
  const { outcome, notes, dialled } = await smoked("busybox");
  expect(outcome).toEqual({ results: [] });
  expect(notes).toEqual(["203.0.113.1:22 answers", "the profile has no checks"]);
  expect(dialled).toEqual([22]);
});

const noSsh = "services: { ssh: { enabled: false } }";

test("without ssh a page of the web server", async () => {
  const says = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
  const { outcome, notes, dialled } = await smoked("busybox", { says, services: noSsh });
  expect(outcome).toEqual({ results: [] });
  expect(notes[0]).toBe("203.0.113.1:80 answers (HTTP 404)");
  expect(dialled).toEqual([80]);
});

test.each(["", noSsh])("a connection alone, which somebody may forward, proves nothing (%s)", async (services) => {
  const { outcome } = await smoked("busybox", { says: "", services });
  expect(outcome).toMatchObject({ error: { code: "check/failed" } });
});

test("an instance that never answers has failed, also where there are no checks to say so", async () => {
  const { outcome } = await smoked("busybox", { answers: false });
  expect(outcome).toMatchObject({ error: { code: "check/failed", message: /^the instance never answered: / } });
});

test("one that has ended is told apart", async () => {
  const lost = { answers: false, state: "gone" as const };
  const { outcome } = await smoked("busybox", lost);
  expect(outcome).toMatchObject({ error: { code: "check/instance-died" } });
});

test("one that has ended is told once, by its checks, and nothing passes for done", async () => {
  const lost = { answers: false, state: "gone" as const, services: "smoke: { ssh: [{ run: uname }] }" };
  const { outcome, statuses } = await smoked("busybox", lost);
  expect(outcome).toMatchObject({ error: { code: "check/instance-died" } });
  expect(statuses).toEqual(["boot failed", "smoke-checks failed"]);
});
