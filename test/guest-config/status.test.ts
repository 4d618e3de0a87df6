import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { final } from "../../src/guest-config/initializer/final.ts";
import { beginUnfinished, endUnfinished } from "../../src/guest-config/initializer/final-marker.ts";
import { Journal } from "../../src/guest-config/initializer/journal.ts";
import { showStatus } from "../../src/guest-config/initializer/show-status.ts";
import { writeFailure, writeStatus } from "../../src/guest-config/initializer/write-status.ts";
import { nodeHost } from "./node-host.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-status-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const asText = { wait: false, format: "text" } as const;

test.each([
  ["done", 0],
  ["degraded", 2],
  ["disabled", 0],
  ["error", 1],
] as const)("status %s ends with %i", (status, exitCode) => {
  const host = nodeHost(directory);
  expect(showStatus(host, asText)).toEqual({ text: "status: not run\n", exitCode: 1 });
  writeStatus(host, { version: 1, status, nics: [], phases: { network: 7 }, errors: ["network: x"] });
  const answer = showStatus(host, { wait: true, format: "text" });
  expect(answer.exitCode).toBe(exitCode);
  expect(answer.text).toContain(`status: ${status}\n`);
  expect(JSON.parse(showStatus(host, { wait: false, format: "json" }).text)).toMatchObject({ status });
});

test("whoever waits sees the end of what runs", () => {
  const host = nodeHost(directory);
  const status = { version: 1, nics: [], phases: {}, errors: [] } as const;
  writeStatus(host, { ...status, status: "running" });
  let naps = 0;
  const sleepMs = () => {
    naps++;
    if (naps === 3) writeStatus(host, { ...status, status: "done" });
  };
  expect(showStatus({ ...host, sleepMs }, { wait: true, format: "text" })).toMatchObject({ exitCode: 0 });
  expect(naps).toBe(3);
});

test("callers of cloud-init find its files: stages with times and errors, the result at the end", () => {
  const host = nodeHost(directory);
  const journal = new Journal(host);
  const read = (name: string) => JSON.parse(host.readText(`/run/cloud-init/${name}`) ?? "null");
  journal.stage("init-local");
  const common = { version: 1, datasource: "ConfigDrive", place: "/dev/sr0", nics: [], phases: {} } as const;
  writeStatus(host, { ...common, status: "running", stages: journal.stages, errors: [] });
  expect(read("status.json").v1).toMatchObject({
    datasource: "DataSourceConfigDrive [source=/dev/sr0]",
    stage: "init-local",
    "init-local": { start: expect.any(Number), finished: null, errors: [], recoverable_errors: {} },
    "modules-final": { start: null, finished: null },
  });
  expect(read("result.json")).toBeNull();

  journal.stage("init");
  journal.problem("network", "no cable");
  journal.endStage();
  const { stages, errors } = journal;
  writeStatus(host, { ...common, status: "degraded", stages, errors });
  expect(read("status.json").v1).toMatchObject({
    stage: null,
    "init-local": { finished: expect.any(Number) },
    init: { finished: expect.any(Number), errors: [], recoverable_errors: { WARNING: ["network: no cable"] } },
  });
  expect(read("result.json").v1).toEqual({ datasource: "DataSourceConfigDrive [source=/dev/sr0]", errors: [] });
  expect(host.readLink("/var/lib/cloud/data/result.json")).toBe("/run/cloud-init/result.json");

  writeFailure(host, "it broke");
  expect(read("result.json").v1.errors).toEqual(["network: no cable", "it broke"]);
});

test("a document with any number of faults neither fills the console nor the status", () => {
  const host = nodeHost(directory);
  const journal = new Journal(host);
  journal.stage("init");
  for (let at = 0; at < 5000; at++) journal.problem("write_files", `entry ${at} is no mapping`);
  journal.problem("users", `"${"x".repeat(5000)}\n" is no user's name`);
  expect(journal.errors).toHaveLength(101);
  expect(journal.errors.at(-1)).toBe("write_files: further problems are not told");
  expect(journal.stages[0]?.errors).toHaveLength(101);

  const other = new Journal(host);
  other.problem("users", `"${"x".repeat(5000)}\n" is no user's name`);
  expect(other.errors[0]?.length, "neither in the status").toBeLessThan(400);
  expect(other.errors[0]).not.toContain("\n");
});

describe("a boot stage that init had to end", () => {
  const running = { version: 1, status: "running", nics: [], phases: {}, errors: [] } as const;
  const key = `ssh-ed25519 ${"A".repeat(68)} me`;

  test("lets people in, says so, and nobody waits for it any longer", () => {
    const host = { ...nodeHost(directory), start: () => ({ poll: () => 0, kill() {} }) };
    for (const path of ["/etc", "/var/log", "/run/cloudimg"]) host.makeDirectory(path, 0o755);
    host.writeFile("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o644);
    writeStatus(host, running);
    beginUnfinished(host, { keys: { root: [key] } });
    final(host);
    expect(host.readText("/root/.ssh/authorized_keys")).toBe(`${key}\n`);
    const answer = showStatus(host, { wait: true, format: "text" });
    expect(answer).toMatchObject({ exitCode: 1, text: expect.stringContaining("took too long and was ended") });
    expect(host.readText("/var/log/cloudimg-init.log")).toMatch(/cloudimg-init: ready: source=unknown .*\n$/);
  });

  test("what has come to its end leaves nothing to do", () => {
    const host = nodeHost(directory);
    writeStatus(host, { ...running, status: "done" });
    beginUnfinished(host, { keys: { root: [key] } });
    endUnfinished(host, false);
    final(host);
    expect(host.readText("/root/.ssh/authorized_keys")).toBeUndefined();
    expect(showStatus(host, asText)).toMatchObject({ exitCode: 0 });
  });

  test("after a defect of the initializer the status stays what it is", () => {
    const host = nodeHost(directory);
    writeStatus(host, running);
    beginUnfinished(host, { keys: {} });
    writeFailure(host, "it broke");
    final(host);
    expect(showStatus(host, asText).text).toContain("error: it broke");
  });
});

test("scripts that wait for boot-finished find it when all is done, and not in the next boot before that", () => {
  const host = nodeHost(directory);
  const status = { version: 1, instanceId: "i-1", nics: [], phases: {}, errors: [] } as const;
  writeStatus(host, { ...status, status: "running" });
  expect(host.readLink("/var/lib/cloud/instances/i-1/boot-finished")).toBeUndefined();
  writeStatus(host, { ...status, status: "done" });
  // The test's root is a directory, so links are looked at one by one.
  expect(host.readLink("/var/lib/cloud/instance")).toBe("/var/lib/cloud/instances/i-1");
  expect(host.readLink("/var/lib/cloud/instances/i-1/boot-finished")).toBe("/run/cloud-init/result.json");
  expect(host.readText("/run/cloud-init/result.json")).toContain("errors");
});
