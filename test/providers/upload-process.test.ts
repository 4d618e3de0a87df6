import { execFile, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestStore, type TestStore } from "./s3-server.ts";
import { type Fixture, uploadFixture } from "./upload-fixture.ts";

const mib = 1024 * 1024;
const workers = 4;
const child = fileURLToPath(new URL("upload-child.ts", import.meta.url));
let server: TestStore;
let fixture: Fixture;

beforeEach(async () => {
  server = await startTestStore();
});

afterEach(async () => {
  fixture[Symbol.dispose]();
  await server.close();
});

const words = (partSizeBytes: number) => [
  child,
  String(server.port),
  JSON.stringify(fixture.request()),
  String(partSizeBytes),
];

test.each([1, 5, 12])("killed in part %i, and run again: at most a part per worker goes twice", async (part) => {
  fixture = uploadFixture(server.port, 12 * mib);
  const first = spawn(process.execPath, words(mib), { stdio: "ignore" });
  const ended = new Promise((resolve) => first.once("exit", (_, signal) => resolve(signal)));
  server.before = ({ operation }) => {
    if (operation === `UploadPart ${part}`) first.kill("SIGKILL");
    return undefined;
  };
  expect(await ended).toBe("SIGKILL");
  await server.idle();
  server.before = () => undefined;
  await promisify(execFile)(process.execPath, words(mib));
  expect(server.objects.get(fixture.request().key)?.bytes.equals(fixture.content)).toBe(true);
  expect(server.operations(/^UploadPart/).length).toBeLessThanOrEqual(12 + workers);
  expect(server.uploads.size).toBe(0);
});

test("needs no more memory than its workers' parts and 64 MiB", async () => {
  const partSizeBytes = 8 * mib;
  fixture = uploadFixture(server.port, 160 * mib);
  const { stdout } = await promisify(execFile)(process.execPath, words(partSizeBytes));
  expect(server.objects.get(fixture.request().key)?.bytes.length).toBe(160 * mib);
  expect(Number(stdout)).toBeLessThan(workers * partSizeBytes + 64 * mib);
}, 60_000);
