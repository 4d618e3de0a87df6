import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { processIdentity } from "../../src/core/process-identity.ts";
import { spawnGuarded } from "../../src/machine/guard.ts";
import { temporaryDirectory, until, untilGone } from "./support.ts";

const guardModule = new URL("../../src/machine/guard.ts", import.meta.url).href;

/** A node process that guards `sleep 300` with a directory, says the child's number and waits. */
async function nodeWithChild(directory: string, then: string): Promise<{ node: ChildProcess; pid: number }> {
  const code = `
    const { spawnGuarded } = await import(${JSON.stringify(guardModule)});
    const child = spawnGuarded(["sleep", "300"], { directories: [${JSON.stringify(directory)}] });
    console.log(await child.pid);
    ${then}`;
  const node = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "ignore"] });
  const [text] = await once(node.stdout as NodeJS.ReadableStream, "data");
  return { node, pid: Number(text) };
}

function directoryWithFile(): string {
  const directory = join(temporaryDirectory(), "a directory's");
  mkdirSync(directory);
  return directory;
}

test("tells the exit code and what was said", async () => {
  const child = spawnGuarded(["sh", "-c", "echo out; echo err >&2; exit 7"]);
  expect(await child.exited).toEqual({ code: 7, errorText: "out\nerr\n" });
  expect(processIdentity((await child.pid) as number)).toBeUndefined();
});

test("a program that does not exist ends with code 127", async () => {
  const { code, errorText } = await spawnGuarded(["/does/not/exist"]).exited;
  expect(code).toBe(127);
  expect(errorText).toMatch(/not found/);
});

test("what it says can go to a file, and arguments are not interpreted", async () => {
  const logPath = join(temporaryDirectory(), "log");
  const { errorText } = await spawnGuarded(["printf", "%s|", "a b", "$HOME", "'", "*"], { logPath }).exited;
  expect(errorText).toBe("a b|$HOME|'|*|");
  expect(readFileSync(logPath, "utf8")).toBe(errorText);
});

test("kill ends it at once and removes its directory", async () => {
  const directory = directoryWithFile();
  const child = spawnGuarded(["sleep", "300"], { directories: [directory] });
  const pid = (await child.pid) as number;
  child.kill();
  expect((await child.exited).code).toBe(137);
  expect(processIdentity(pid)).toBeUndefined();
  expect(existsSync(directory)).toBe(false);
});

test("its directory stays when it ends by itself", async () => {
  const directory = directoryWithFile();
  await spawnGuarded(["true"], { directories: [directory] }).exited;
  expect(existsSync(directory)).toBe(true);
});

test.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)("ends when we get %s", async (signal) => {
  const directory = directoryWithFile();
  const { node, pid } = await nodeWithChild(directory, "");
  expect(processIdentity(pid)).toBeDefined();
  node.kill(signal);
  await untilGone(pid);
  await until("the directory is gone", () => !existsSync(directory));
});

test.each([
  ["an exception", "throw 1"],
  ["process.exit", "process.exit(0)"],
])("ends when we end by %s", async (_how, code) => {
  const directory = directoryWithFile();
  const { pid } = await nodeWithChild(directory, code);
  await untilGone(pid);
  await until("the directory is gone", () => !existsSync(directory));
});

test("outlives us once it is released", async () => {
  const directory = directoryWithFile();
  const { node, pid } = await nodeWithChild(directory, "child.release();");
  await once(node, "exit");
  try {
    // Had the watcher been going to end it, it would have done so when the pipe closed.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(processIdentity(pid)).toBeDefined();
    expect(existsSync(directory)).toBe(true);
  } finally {
    process.kill(pid, "SIGKILL");
  }
});
