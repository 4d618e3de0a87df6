import { createServer, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { SshCheck } from "../../src/smoke/checks.ts";
import { runSmoke, type SmokeRequest, smokeError } from "../../src/smoke/run.ts";
import { makeRunKey, type RunKey } from "../../src/smoke/run-key.ts";
import { type Listening, startSshServer } from "./servers.ts";

let runKey: RunKey;
let hostKey: RunKey;
let otherHostKey: RunKey;
const open: { close(): unknown }[] = [];

beforeAll(async () => {
  [runKey, hostKey, otherHostKey] = await Promise.all([makeRunKey(), makeRunKey("host"), makeRunKey("other")]);
});
afterEach(async () => {
  for (const it of open.splice(0)) await it.close();
});

async function serve(options: Partial<Parameters<typeof startSshServer>[0]> = {}) {
  const server = await startSshServer({
    hostKeys: [hostKey.privateKey],
    authorizedKey: runKey.publicKeyLine,
    ...options,
  });
  open.push(server);
  return server;
}

function check(run: string, more: Partial<SshCheck> = {}): SshCheck {
  return { run, exitCode: 0, ...more };
}

async function smoke(
  server: Pick<Listening, "port">,
  checks: SshCheck[],
  more: Omit<Partial<SmokeRequest>, "ssh"> & { ssh?: Partial<SmokeRequest["ssh"]> } = {},
) {
  const { ssh, ...rest } = more;
  return await runSmoke({
    checks: { ssh: checks, http: [] },
    defaultTimeoutMs: 10_000,
    signal: new AbortController().signal,
    ...rest,
    ssh: {
      host: "127.0.0.1",
      port: server.port,
      user: "root",
      privateKey: runKey.privateKey,
      hostKeys: () => [hostKey.publicKeyLine],
      ...ssh,
    },
  });
}

describe("ssh checks", () => {
  test("pass on exit code and output, over one connection, in order, and tell each verdict", async () => {
    const server = await serve();
    const told: string[] = [];
    const onResult = ({ name }: { name: string }) => void told.push(name);
    const checks = [check("say hello", { stdout: "^hel+o$" }), check("exit 3", { exitCode: 3 })];
    const { ok, results } = await smoke(server, checks, { onResult });
    expect(results.map(({ ok, detail, attempts }) => ({ ok, detail, attempts }))).toEqual([
      { ok: true, detail: "exit code 0", attempts: 1 },
      { ok: true, detail: "exit code 3", attempts: 1 },
    ]);
    expect(ok).toBe(true);
    expect(told).toEqual(["ssh: say hello", "ssh: exit 3"]);
    expect(server.connections()).toBe(1);
  });

  test("wait for a server that starts late", async () => {
    const early = await serve();
    await early.close();
    open.length = 0;
    const running = smoke(early, [check("say up")]);
    const late = new Promise((resolve) => setTimeout(resolve, 400)).then(() => serve({ port: early.port }));
    const { results } = await running;
    await late;
    expect(results[0]).toMatchObject({ ok: true });
    expect(results[0]?.attempts).toBeGreaterThan(1);
  });

  test("try a command again until it works", async () => {
    let calls = 0;
    const server = await serve({
      onCommand(_command, channel) {
        channel.exit(++calls < 3 ? 1 : 0);
        channel.end();
      },
    });
    expect((await smoke(server, [check("curl")])).results[0]).toMatchObject({ ok: true, attempts: 3 });
    expect(server.connections()).toBe(1);
  });

  test.each([
    ["exit 4", {}, 'it ended with exit code 4, not 0; it said "that went wrong"'],
    ["say yes", { stdout: "^no$" }, 'its output "yes" does not match /^no$/'],
    ["abort", {}, "it was ended by signal SIGABRT, not 0"],
  ] as const)("%s fails at its deadline with what was seen last", async (run, more, detail) => {
    const server = await serve();
    const { ok, results } = await smoke(server, [check(run, { ...more, timeout: 1_500 })]);
    expect(ok).toBe(false);
    expect(results[0]).toMatchObject({ ok: false, detail, code: "check/failed" });
    expect(results[0]?.attempts).toBeGreaterThan(1);
    expect(results[0]?.durationMs).toBeGreaterThanOrEqual(1_000);
    expect(results[0]?.durationMs).toBeLessThan(5_000);
  });

  test("a command that never ends is given up at its deadline, and the next check connects anew", async () => {
    const server = await serve({
      onCommand(command, channel) {
        if (command === "hang") return;
        channel.exit(0);
        channel.end();
      },
    });
    const { results } = await smoke(server, [check("hang", { timeout: 300 }), check("go on")]);
    expect(results.map(({ ok, detail }) => ({ ok, detail }))).toEqual([
      { ok: false, detail: "no answer" },
      { ok: true, detail: "exit code 0" },
    ]);
    expect(server.connections()).toBe(2);
  });

  test("a wrong host key fails at once, is not tried again, and is not logged in to", async () => {
    const server = await serve({ hostKeys: [otherHostKey.privateKey] });
    const { results } = await smoke(server, [check("say secret"), check("say more")]);
    expect(results[0]).toMatchObject({ ok: false, attempts: 1, code: "check/host-key" });
    expect(results[0]?.detail).toMatch(/^the server showed the host key SHA256:\S{43}, not SHA256:\S{43}$/);
    expect(results[1]).toMatchObject({ ok: false, attempts: 0, code: "check/host-key" });
    expect(server.connections()).toBe(1);
    const error = smokeError(results, ["Linux version 6.12", "login:"]);
    expect(error.exitCode).toBe(8);
    expect(error.problems).toHaveLength(2);
    expect(error.problems[1]?.hint).toBe("the console's last lines:\n  Linux version 6.12\n  login:");
  });

  test("of several host keys the one that is known is asked for", async () => {
    const { utils } = (await import("ssh2")).default;
    const ecdsa = utils.generateKeyPairSync("ecdsa", { bits: 256 });
    const server = await serve({ hostKeys: [otherHostKey.privateKey, ecdsa.private] });
    const { ok } = await smoke(server, [check("say hi")], { ssh: { hostKeys: () => [ecdsa.public] } });
    expect(ok).toBe(true);
  });

  test("host keys that come late are waited for, without connecting", async () => {
    const server = await serve();
    let asked = 0;
    const hostKeys = () => (++asked < 3 ? [] : [hostKey.publicKeyLine]);
    const { results } = await smoke(server, [check("say hi")], { ssh: { hostKeys } });
    expect(results[0]).toMatchObject({ ok: true, attempts: 3 });
    expect(server.connections()).toBe(1);
  });

  test("without known host keys the first is trusted, and its fingerprint told", async () => {
    const server = await serve();
    const { ok, fingerprint } = await smoke(server, [check("say hi")], { ssh: { hostKeys: undefined } });
    expect(ok).toBe(true);
    const { createHash } = await import("node:crypto");
    const blob = Buffer.from(hostKey.publicKeyLine.split(" ")[1] as string, "base64");
    expect(fingerprint).toBe(`SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`);
  });

  test("a key that is not allowed fails with the reason, and later checks are not tried", async () => {
    const server = await serve({ authorizedKey: otherHostKey.publicKeyLine });
    const { results } = await smoke(server, [check("say hi"), check("say ho")], { defaultTimeoutMs: 500 });
    expect(results[0]?.detail).toBe("cannot log in as root: All configured authentication methods failed");
    expect(results[1]).toMatchObject({ attempts: 0, detail: "not tried: the check before it could not log in" });
  });

  test("a server that closes at once, or is no ssh server, is told so", async () => {
    const sockets: Socket[] = [];
    const closing = createServer((socket) => void socket.end());
    const chatty = createServer((socket) => sockets.push(socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    for (const [server, detail] of [
      [closing, /^cannot connect to the ssh server at 127\.0\.0\.1:\d+: it closes the connection$/],
      [chatty, /^cannot log in as root: /],
    ] as const) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      open.push(server);
      const { port } = server.address() as { port: number };
      const { results } = await smoke({ port }, [check("say hi", { timeout: 300 })]);
      expect(results[0]?.detail).toMatch(detail);
    }
  });

  test("an instance that dies ends all waiting at once", async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    open.push(silent);
    const died = new Promise<string>((resolve) => setTimeout(resolve, 200, "the guest's kernel panicked"));
    const { port } = silent.address() as { port: number };
    const { results } = await smoke({ port }, [check("a"), check("b")], { died, defaultTimeoutMs: 60_000 });
    expect(results[0]).toMatchObject({
      ok: false,
      code: "check/instance-died",
      detail: "the instance ended: the guest's kernel panicked",
    });
    expect(results[0]?.durationMs).toBeLessThan(2_000);
    expect(results[1]?.code).toBe("check/instance-died");
  });

  test("an interrupted run throws the interruption", async () => {
    const server = await serve({ onCommand() {} });
    const interrupt = new AbortController();
    setTimeout(() => interrupt.abort(new Error("interrupted by the user")), 200);
    await expect(smoke(server, [check("hang")], { signal: interrupt.signal })).rejects.toThrow(
      "interrupted by the user",
    );
  });
});
