import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe } from "vitest";
import { obtainTools } from "../../src/build/tools.ts";
import { createContext } from "../../src/commands/environment.ts";
import { type StoreDialect, storeDialects } from "../../src/providers/dialects.ts";
import { s3Suite } from "./s3-suite.ts";

// Somebody else's store: of those that run on a desk, OpenStack Swift alone checks signatures, MD5s and parts as the vendors do. Its Debian packages are unpacked, not installed.

/** Knows buckets in the path only, and Amazon's region of old. */
const swift: StoreDialect = {
  ...storeDialects.huawei,
  name: "swift",
  product: "Swift",
  endpoint: () => "s3.swift.example",
  isPathStyle: true,
  leastPartBytes: 5 * 1024 * 1024,
  hasUnsignedPayload: true,
};

/** Debian's programs run nowhere else. */
const isLinux = process.platform === "linux";
let directory: string;
let server: ChildProcess | undefined;
let port: number;

beforeAll(async () => {
  if (!isLinux) return;
  directory = mkdtempSync(join(tmpdir(), "cloudimg-swift-"));
  const context = createContext(() => {}, new AbortController().signal, availableParallelism());
  const tools = await obtainTools(["python3", "python3-swift"], context);
  const [program = "", ...words] = tools.command("python3");
  const script = fileURLToPath(new URL("swift-server.py", import.meta.url));
  const env = { PATH: process.env["PATH"], PYTHONHOME: join(tools.directory, "usr"), PYTHONDONTWRITEBYTECODE: "1" };
  const child = spawn(program, [...words, script, directory, "images"], { env, stdio: ["pipe", "pipe", "pipe"] });
  server = child;
  const said: string[] = [];
  child.stderr.on("data", (piece) => said.push(String(piece)));
  port = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(Number(line)));
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`Swift did not start: ${said.join("")}`)));
  });
}, 300_000);

afterAll(async () => {
  if (!isLinux) return;
  if (server?.exitCode === null) {
    const ended = new Promise((resolve) => server?.once("exit", resolve));
    server.stdin?.end();
    await ended;
  }
  rmSync(directory, { recursive: true, force: true });
});

describe.skipIf(!isLinux)("OpenStack Swift", { timeout: 60_000 }, () => {
  s3Suite(async () => ({
    endpoint: { port },
    credentials: {
      accessKeyId: "test:tester",
      secretAccessKey: "testing",
      region: "us-east-1",
      origin: "Swift's tempauth",
    },
    dialect: swift,
    bucket: "images",
    otherBucket: "no-such-bucket",
  }));
});
