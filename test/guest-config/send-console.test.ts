import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Host } from "../../src/guest-config/initializer/host.ts";
import { sendConsole } from "../../src/guest-config/initializer/send-console.ts";
import { oracle } from "../oracles/tools.ts";
import { nodeHost } from "./node-host.ts";

interface Received {
  readonly line: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let root: string;
let tools: string;
let received: Received[];
let statuses: number[];
let server: Server;
let ended: Promise<unknown>[];
let functions: string;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "cloudimg-console-"));
  tools = join(root, "tools");
  for (const directory of ["tools", "run/cloudimg", "run/services", "var/log", "proc"])
    mkdirSync(join(root, directory), { recursive: true });
  const [busybox = "", ...first] = await oracle("busybox");
  execFileSync(busybox, [...first, "--install", "-s", tools]);
  functions = "";
  tool("dmesg", "echo '[0.0] Linux version 6'; echo '[0.0] Command line: root=x cc: password: secret end_cc'");
  write("/proc/uptime", "7.50 1.00\n");
  write("/var/log/cloudimg-init.log", "cloudimg-init: datasource: none\n");
  write("/run/cloudimg/status.json", '{"status":"running"}\n');
  execFileSync(join(tools, "mkfifo"), [join(root, "run/services/web")]);
  write("/var/log/web.log", "a request\ncloudimg-service: web ended with status 1, starts again in 1 s\n");
  received = [];
  statuses = [];
  ended = [];
  server = createServer(async (request, response) => {
    const body = await text(request);
    received.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
    response.writeHead(statuses.shift() ?? 200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await Promise.all(ended);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(root, { recursive: true, force: true });
});

function write(path: string, content: string): void {
  writeFileSync(join(root, path), content);
}

/** Instead of busybox's own, which its shell prefers to files. */
function tool(name: string, script: string): void {
  rmSync(join(tools, name), { force: true });
  functions += `${name}() { ${join(tools, name)} "$@"; }\n`;
  writeFileSync(join(tools, name), `#!${join(tools, "sh")}\n${script}\n`);
  chmodSync(join(tools, name), 0o755);
}

/** A guest below the root, with busybox's programs and no others. */
function host(): Host {
  const start: Host["start"] = ({ argv: [, option, script = "", ...words] }) => {
    const moved = script.replace(/(?<![\w.])\/(?=(run|var|proc)\b)/g, `${root}/`);
    const child = spawn(join(tools, "sh"), [option ?? "", functions + moved, ...words], {
      ...{ detached: true, stdio: "ignore", env: { PATH: tools } },
    });
    let status: number | undefined;
    ended.push(new Promise<void>((resolve) => child.once("exit", () => resolve())));
    child.once("exit", (code) => {
      status = code ?? 137;
    });
    return { poll: () => status, kill: () => child.kill("SIGKILL") };
  };
  return { ...nodeHost(root), start };
}

const url = (path = "/o.txt?q-sign-time=1;2&x=%2F") =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
const send = (moment = "ready") => sendConsole(host(), { url: url(), moment, waitMs: 0 });

test("the boot's log is put there, and no secret of the kernel's command line", async () => {
  expect(send()).toBeUndefined();
  await Promise.all(ended);
  expect(received).toEqual([
    {
      line: "PUT /o.txt?q-sign-time=1;2&x=%2F",
      headers: expect.objectContaining({ "content-type": "text/plain; charset=utf-8" }),
      body: [
        "cloudimg: the boot's log, sent by the guest: ready, after 7.50 s",
        "[0.0] Linux version 6",
        "[0.0] Command line: root=x cc: ...",
        "cloudimg-init: datasource: none",
        "cloudimg-service: web was started",
        "cloudimg-service: web ended with status 1, starts again in 1 s",
        '{"status":"running"}\n',
      ].join("\n"),
    },
  ]);
  expect(readFileSync(join(root, "var/log/cloudimg-init.log"), "utf8")).not.toContain("not sent");
});

test("a long log: its head and its tail", async () => {
  tool("dmesg", `i=0; while [ $i -lt 9000 ]; do echo "[$i] ${"x".repeat(60)}"; i=$((i+1)); done`);
  send();
  await Promise.all(ended);
  const body = received[0]?.body ?? "";
  expect(Buffer.byteLength(body)).toBeGreaterThan(250_000);
  expect(Buffer.byteLength(body)).toBeLessThanOrEqual(256 << 10);
  expect(body).toMatch(/^cloudimg: the boot's log.*\n\[0\] x/);
  expect(body).toMatch(/\n\.\.\. \d+ bytes are left out \.\.\.\n[\s\S]*\{"status":"running"\}\n$/);
});

test("a refusal is tried once more, and told in the guest's own log", async () => {
  statuses = [503, 200];
  send();
  await Promise.all(ended);
  expect(received).toHaveLength(2);
  expect(received[1]?.body).toBe(received[0]?.body);
  statuses = [403, 403];
  send("finished");
  await Promise.all(ended);
  expect(received).toHaveLength(4);
  expect(readFileSync(join(root, "var/log/cloudimg-init.log"), "utf8")).toContain("console: not sent (finished)\n");
});

test("a later one ends the one before it", async () => {
  const silent = createTcpServer((socket) => void socket.on("error", () => {}).resume());
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const before = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  const startMs = performance.now();
  const connected = new Promise((resolve) => silent.once("connection", resolve));
  sendConsole(host(), { url: before, moment: "ready", waitMs: 0 });
  await connected;
  send("finished");
  await Promise.all(ended);
  expect(performance.now() - startMs).toBeLessThan(2900);
  expect(received.map(({ body }) => body.split("\n")[0])).toEqual([expect.stringContaining("finished")]);
  silent.close();
});

test("a server that says nothing costs three seconds for each of two tries, in the background", async () => {
  const silent = createTcpServer((socket) => void socket.on("error", () => {}).resume());
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const startMs = performance.now();
  sendConsole(host(), { url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`, moment: "x", waitMs: 0 });
  expect(performance.now() - startMs).toBeLessThan(500);
  await Promise.all(ended);
  expect(performance.now() - startMs).toBeLessThan(9000);
  expect(existsSync(join(root, "run/cloudimg/console/pid"))).toBe(false);
  silent.close();
});

test("https goes through curl, whose words tell nobody the link", async () => {
  const secure = url("/o?sign=a;b'c").replace("http:", "https:");
  expect(sendConsole(host(), { url: secure, moment: "ready", waitMs: 0 })).toMatch(/needs curl/);
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  write("/usr/bin/curl", "");
  tool("curl", `echo "$@" >${root}/words; cat head >${root}/settings; cat body >${root}/sent`);
  expect(sendConsole(host(), { url: secure, moment: "ready", waitMs: 0 })).toBeUndefined();
  await Promise.all(ended);
  expect(readFileSync(join(root, "words"), "utf8")).not.toContain("sign");
  expect(readFileSync(join(root, "settings"), "utf8")).toContain(`url = "${secure}"\n`);
  expect(readFileSync(join(root, "sent"), "utf8")).toContain("Linux version");
});

test("what is no URL is told", () => {
  expect(sendConsole(host(), { url: "http://a b/", moment: "ready", waitMs: 0 })).toMatch(/cannot be read/);
});
