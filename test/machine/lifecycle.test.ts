import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bytesSource } from "../../src/core/byte-source.ts";
import { CloudimgError } from "../../src/core/errors.ts";
import { processIdentity } from "../../src/core/process-identity.ts";
import { readRecords } from "../../src/machine/instance-directory.ts";
import {
  consoleOfInstance,
  listInstances,
  screenshotInstance,
  terminateInstance,
} from "../../src/machine/instances.ts";
import { startMachine } from "../../src/machine/start.ts";
import { bootRequest, oneNic, startUntil, temporaryDirectory, testContext, until, untilGone } from "./support.ts";

type TestContext = ReturnType<typeof testContext>;

function pidOf(context: TestContext): number {
  const pid = readRecords(context)[0]?.record.machine?.pid;
  if (pid === undefined) throw new Error("there is no machine");
  return pid;
}

function filesLeft(context: TestContext): string[] {
  return readdirSync(join(context.directories.data, "instances"));
}

async function errorOf(promise: Promise<unknown>): Promise<CloudimgError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CloudimgError);
  return error as CloudimgError;
}

describe("a machine", () => {
  test("prints lines, and hears what is typed", async () => {
    const context = testContext();
    const lines: string[] = [];
    const request = await bootRequest("first\r\nsecond\r\n", "echo", { onConsole: (line) => lines.push(line) });
    const machine = await startUntil("second", request, context);
    machine.type(Buffer.from("typed\r\n"));
    await until("the echo comes back", () => lines.includes("typed"));
    expect(lines.slice(-3)).toEqual(["first", "second", "typed"]);
    expect(readFileSync(machine.consoleLogPath, "utf8")).toContain("first\r\nsecond\r\ntyped");
  });

  test("that obeys the power button is off within the grace, and nothing is left", async () => {
    const context = testContext();
    const machine = await startUntil("up", await bootRequest("up\r\n", "obey"), context);
    const pid = pidOf(context);
    const startMs = performance.now();
    await machine.stop(60_000);
    expect(performance.now() - startMs).toBeLessThan(30_000);
    expect(processIdentity(pid)).toBeUndefined();
    expect(filesLeft(context)).toEqual([]);
  });

  test("that ignores the power button is ended after the grace; stopping twice is the same", async () => {
    const context = testContext();
    const machine = await startUntil("up", await bootRequest("up\r\n", "hang"), context);
    const pid = pidOf(context);
    const startMs = performance.now();
    await Promise.all([machine.stop(300), machine.stop(300)]);
    await machine.stop(300);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(300);
    expect(processIdentity(pid)).toBeUndefined();
    expect(filesLeft(context)).toEqual([]);
  });

  test("that resets itself has died, after all of its console was told", async () => {
    const context = testContext();
    const lines: string[] = [];
    const request = await bootRequest("last words", "reset", { onConsole: (line) => lines.push(line) });
    const machine = await startMachine(request, context);
    expect(await machine.died).toBe("the guest rebooted or crashed");
    expect(lines.at(-1)).toBe("last words");
    await machine.stop(1_000);
    expect(filesLeft(context)).toEqual([]);
  });

  test("whose QEMU is killed has died", async () => {
    const context = testContext();
    const machine = await startUntil("up", await bootRequest("up\r\n", "hang"), context);
    process.kill(pidOf(context), "SIGKILL");
    expect(await machine.died).toMatch(/^QEMU ended with code 137/);
    await machine.stop(1_000);
    expect(filesLeft(context)).toEqual([]);
  });

  test("shows its screen as a PNG", async () => {
    const context = testContext();
    const machine = await startUntil("up", await bootRequest("up\r\n", "hang"), context);
    const path = join(temporaryDirectory(), "screen.png");
    await machine.screenshot(path);
    const png = readFileSync(path);
    expect(png.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
    expect(png.readUInt32BE(16)).toBeGreaterThanOrEqual(640);
    const missing = join(temporaryDirectory(), "missing", "screen.png");
    expect((await errorOf(machine.screenshot(missing))).code).toBe("host/not-writable");
  });

  test("never writes the image it is started from", async () => {
    const context = testContext();
    const request = await bootRequest("up\r\n", "obey", { diskSizeBytes: 1024 ** 4 });
    const before = readFileSync(request.disk.path);
    const machine = await startUntil("up", request, context);
    await machine.stop(60_000);
    expect(readFileSync(request.disk.path).equals(before)).toBe(true);
  });

  test("cannot have a smaller disk than its image", async () => {
    const context = testContext();
    const error = await errorOf(startMachine(await bootRequest("", "hang", { diskSizeBytes: 512 }), context));
    expect(error.code).toBe("image/disk-too-small");
    expect(error.exitCode).toBe(6);
  });

  test("that QEMU refuses is an error with what QEMU said, and leaves nothing", async () => {
    const context = testContext();
    const request = await bootRequest("", "hang", { nics: [{ ...oneNic[0], network: "nonsense" } as never] });
    const error = await errorOf(startMachine(request, context));
    expect(error.code).toBe("host/qemu-failed");
    expect(error.problems[0].hint).toContain("nonsense");
    expect(filesLeft(context)).toEqual([]);
  });

  test("that is interrupted while it starts leaves nothing", async () => {
    const interrupt = new AbortController();
    const context = testContext(interrupt.signal);
    const started = startMachine(await bootRequest("", "hang"), context);
    interrupt.abort(new Error("interrupted"));
    await expect(started).rejects.toThrow("interrupted");
    expect(filesLeft(context)).toEqual([]);
  });

  test("takes a path with commas and a config drive", async () => {
    const context = testContext();
    const data = join(context.directories.data, "a,b=c");
    const moved = { ...context, directories: { ...context.directories, data } };
    const configDrive = bytesSource(new Uint8Array(64 * 1024));
    const machine = await startUntil("up", await bootRequest("up\r\n", "obey", { configDrive }), moved);
    await machine.stop(60_000);
  });

  test("keeps its sockets elsewhere when its directory has a long path", async () => {
    const context = testContext();
    const data = join(context.directories.data, "d".repeat(100));
    const moved = { ...context, directories: { ...context.directories, data } };
    const machine = await startUntil("up", await bootRequest("up\r\n", "hang"), moved);
    const { socketDirectory } = readRecords(moved)[0]?.record ?? {};
    expect(socketDirectory).not.toContain(data);
    await machine.stop(0);
    expect(existsSync(socketDirectory as string)).toBe(false);
  });
});

describe("ports", () => {
  const forward = (port: number, fixed = false) => [
    { name: "ssh", wish: { port, fixed }, guestAddress: "10.0.2.15", guestPort: 22 },
  ];

  async function occupied(): Promise<{ port: number; close(): void }> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { port: (server.address() as { port: number }).port, close: () => server.close() };
  }

  test("a preferred port is taken if it is free, another if it is not", async () => {
    const context = testContext();
    const taken = await occupied();
    const request = await bootRequest("up\r\n", "hang", { nics: oneNic, forwards: forward(taken.port) });
    const machine = await startUntil("up", request, context);
    expect(machine.ports["ssh"]).not.toBe(taken.port);
    taken.close();
    const second = await startUntil("up", { ...request, id: "second" }, context);
    expect(second.ports["ssh"]).toBe(taken.port);
  });

  test("a fixed port that is taken is an error", async () => {
    const context = testContext();
    const taken = await occupied();
    const request = await bootRequest("", "hang", { nics: oneNic, forwards: forward(taken.port, true) });
    const error = await errorOf(startMachine(request, context));
    expect(error.code).toBe("host/port-in-use");
    expect(error.exitCode).toBe(4);
    expect(error.message).toBe(`cannot forward port ${taken.port}: another program on this host uses it`);
    expect(filesLeft(context)).toEqual([]);
    taken.close();
  });
});

describe("nothing stays behind", () => {
  const modules = (name: string) => JSON.stringify(new URL(`../../src/machine/${name}.ts`, import.meta.url).href);

  /** Another process that starts a machine, says so, and does what `then` says. */
  async function otherProcess(context: TestContext, then: string) {
    const request = await bootRequest("up\r\n", "hang");
    const code = `
      const { startMachine } = await import(${modules("start")});
      const context = { directories: ${JSON.stringify(context.directories)}, emit() {}, signal: new AbortController().signal };
      const machine = await startMachine(${JSON.stringify(request)}, context);
      ${then}
      console.log("started");`;
    const node = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    await once(node.stdout, "data");
    return node;
  }

  test("when we are killed with SIGKILL", async () => {
    const context = testContext();
    const node = await otherProcess(context, "");
    const pid = pidOf(context);
    expect(processIdentity(pid)).toBeDefined();
    node.kill("SIGKILL");
    await untilGone(pid);
    await until("its files are gone", () => filesLeft(context).length === 0);
  });

  test("of a run that was killed together with its guard, after the next start", async () => {
    const context = testContext();
    const node = await otherProcess(context, "");
    const pid = pidOf(context);
    // The guard's shell and its watcher: the machine's parent, and that one's other child.
    const guard = parentOf(pid);
    const watcher = childrenOf(guard).filter((child) => child !== pid);
    for (const one of [...watcher, guard, node.pid as number]) process.kill(one, "SIGKILL");
    await untilGone(node.pid as number);
    expect(processIdentity(pid)).toBeDefined();
    await startUntil("up", await bootRequest("up\r\n", "obey"), context);
    await untilGone(pid);
    expect(filesLeft(context)).toEqual(["test-obey"]);
  });

  test("but a kept machine outlives us, can be found, seen, and ended from elsewhere", async () => {
    const context = testContext();
    const node = await otherProcess(context, "await machine.keep();");
    await once(node, "exit");
    const pid = pidOf(context);
    expect(listInstances(context)).toMatchObject([
      { id: "test-hang", image: "boot.raw", state: "running", kept: true, ports: {} },
    ]);
    await until("it has printed", () => consoleOfInstance("test-hang", context).includes("up"));
    const path = join(temporaryDirectory(), "screen.png");
    await screenshotInstance("test-hang", path, context);
    expect(readFileSync(path).length).toBeGreaterThan(100);
    await startUntil("up", await bootRequest("up\r\n", "obey"), context);
    expect(listInstances(context).map(({ id }) => id)).toEqual(["test-hang", "test-obey"]);
    await terminateInstance("test-hang", 200, context);
    expect(processIdentity(pid)).toBeUndefined();
    expect(filesLeft(context)).toEqual(["test-obey"]);
  });

  test("and a kept machine that has ended is only a record, which can be removed", async () => {
    const context = testContext();
    const machine = await startUntil("up", await bootRequest("up\r\n", "hang"), context);
    await machine.keep();
    const pid = pidOf(context);
    process.kill(pid, "SIGKILL");
    await untilGone(pid);
    expect(listInstances(context)).toMatchObject([{ id: "test-hang", state: "stopped" }]);
    await terminateInstance("test-hang", 1_000, context);
    expect(listInstances(context)).toEqual([]);
    const error = await errorOf(terminateInstance("test-hang", 1_000, context));
    expect([error.code, error.message, error.problems[0].hint]).toEqual([
      "host/no-instance",
      "cannot find the instance test-hang",
      "there are no instances",
    ]);
  });

  function parentOf(pid: number): number {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1]);
  }

  function childrenOf(pid: number): number[] {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
    return text.split(" ").map(Number);
  }
});
