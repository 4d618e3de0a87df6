import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { keyFilter, runInteractive } from "../../src/machine/interactive.ts";
import { bootRequest, testContext, until } from "./support.ts";

function terminal(isTTY: boolean) {
  const input = Object.assign(new PassThrough(), {
    isTTY,
    raw: [] as boolean[],
    setRawMode: (raw: boolean) => input.raw.push(raw),
  });
  const output = new PassThrough();
  let shown = "";
  output.on("data", (bytes) => {
    shown += bytes;
  });
  return { input, output, shown: () => shown };
}

describe("keys", () => {
  test.each([
    ["plain text passes", "ls\r", "ls\r", false],
    ["Ctrl-a x leaves", "a\x01x", "a", true],
    ["Ctrl-a a is one Ctrl-a", "\x01a", "\x01", false],
    ["Ctrl-a Ctrl-a is one Ctrl-a", "\x01\x01", "\x01", false],
    ["Ctrl-a with another key passes", "\x01k", "\x01k", false],
    ["Ctrl-c is the guest's", "\x03", "\x03", false],
    ["x alone is a letter", "x", "x", false],
  ])("%s", (_name, typed, passed, leaves) => {
    for (const sizes of [typed.length, 1]) {
      let left = false;
      const filter = keyFilter(() => {
        left = true;
      });
      let out = "";
      for (let at = 0; at < typed.length; at += sizes)
        out += Buffer.from(filter(Buffer.from(typed.slice(at, at + sizes), "latin1"))).toString("latin1");
      expect([out, left]).toEqual([passed, leaves]);
    }
  });
});

describe("a machine on a terminal", () => {
  const left = (data: string) => readdirSync(join(data, "instances"));

  test("shows what it prints, takes keys, and ends on Ctrl-a x with the terminal as it was", async () => {
    const context = testContext();
    const { input, output, shown } = terminal(true);
    const running = runInteractive(await bootRequest("ready\r\n", "echo"), {}, { input, output }, context);
    await until("it is up", () => shown().includes("ready"));
    expect(input.raw).toEqual([true]);
    input.write("typed");
    await until("the echo comes", () => shown().includes("typed"));
    input.write("\x01x");
    expect(await running).toBe("you left");
    expect(input.raw).toEqual([true, false]);
    expect(left(context.directories.data)).toEqual([]);
  });

  test("ends when the machine does", async () => {
    const { input, output, shown } = terminal(false);
    const running = runInteractive(await bootRequest("bye\r\n", "reset"), {}, { input, output }, testContext());
    expect(await running).toBe("the guest rebooted or crashed");
    expect(shown()).toContain("bye");
  });

  test("ends when it is interrupted; the end of piped input ends nothing", async () => {
    const interrupt = new AbortController();
    const context = testContext(interrupt.signal);
    const { input, output, shown } = terminal(false);
    const running = runInteractive(await bootRequest("ready\r\n", "echo"), {}, { input, output }, context);
    input.end("piped\x01x");
    await until("the input is echoed", () => shown().includes("piped\x01x"));
    interrupt.abort();
    expect(await running).toBe("interrupted");
    expect(input.raw).toEqual([]);
    expect(left(context.directories.data)).toEqual([]);
  });

  test("with a debugger wanted, waits for one on loopback before its first instruction", async () => {
    const context = testContext();
    const { input, output, shown } = terminal(true);
    const request = await bootRequest("ready\r\n", "echo");
    const running = runInteractive(request, { debug: true }, { input, output }, context);
    await until("it says where", () => context.events.some((event) => event.type === "log"));
    const message = context.events.flatMap((event) => (event.type === "log" ? event.message : [])).join("\n");
    const port = Number(/target remote 127\.0\.0\.1:(\d+)/.exec(message)?.[1]);
    // GDB remote serial protocol: `?` asks why it stands still, `c` lets it go on.
    const debuggerSocket = connect(port, "127.0.0.1");
    let answer = "";
    debuggerSocket.on("data", (bytes) => {
      answer += bytes;
    });
    debuggerSocket.write("$?#3f");
    await until("it stands still", () => /\$T05/.test(answer));
    expect(shown()).not.toContain("ready");
    debuggerSocket.write("+$c#63");
    await until("it goes on", () => shown().includes("ready"));
    debuggerSocket.destroy();
    input.write("\x01x");
    expect(await running).toBe("you left");
  });
});
