import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeInstanceData } from "../../src/guest-config/initializer/instance-data.ts";
import { runVerb } from "../../src/guest-config/initializer/run-verb.ts";
import { writeStatus } from "../../src/guest-config/initializer/write-status.ts";
import { nodeHost } from "./node-host.ts";

let directory: string;
const host = () => nodeHost(directory);
const verb = (...args: string[]) => runVerb(host(), args);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-verbs-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("help goes to standard output, misuse shows it as an error", () => {
  expect(verb("--help")).toMatchObject({
    exitCode: 0,
    error: "",
    text: expect.stringContaining("cloudimg-init query"),
  });
  expect(verb("query", "--help")).toMatchObject({ exitCode: 0, error: "" });
  for (const args of [
    [],
    ["reboot"],
    ["status", "--format", "xml"],
    ["query"],
    ["query", "a", "b"],
    ["clean", ""],
    ["analyze", "x"],
  ])
    expect(verb(...args)).toMatchObject({
      exitCode: 2,
      text: "",
      error: expect.stringContaining("cloudimg-init boot"),
    });
});

test("query finds members by their path, whatever is in their names", () => {
  expect(verb("query", "v1.instance_id")).toMatchObject({
    exitCode: 1,
    error: expect.stringContaining("no instance data"),
  });
  writeInstanceData(host(), {
    instanceId: "i-1",
    isNew: true,
    source: "ConfigDrive",
    hostname: "web",
    publicKeys: ["ssh-ed25519 AAAA me"],
    authorizedKeys: {},
    vendorData: [],
    metadata: { "a.b": { c: [7, { d: "x" }] }, availability_zone: "z1" },
  });
  expect(verb("query", "v1.instance-id")).toEqual({ exitCode: 0, error: "", text: "i-1\n" });
  expect(verb("query", "instance_id").text).toBe("i-1\n");
  expect(verb("query", "ds.meta_data.a.b.c.1.d").text).toBe("x\n");
  expect(JSON.parse(verb("query", "ds.meta_data.a.b").text)).toEqual({ c: [7, { d: "x" }] });
  expect(verb("query", "v1.availability_zone").text).toBe("z1\n");
  expect(JSON.parse(verb("query", "--all").text).v1.cloud_name).toBe("configdrive");
  expect(verb("query", "--list-keys").text).toMatch(/^v1$/m);
  expect(verb("query", "v1.nothing")).toMatchObject({
    exitCode: 1,
    error: "cloudimg-init: the instance data has no v1.nothing\n",
  });
  expect(verb("query", "toString")).toMatchObject({ exitCode: 1 });
});

test("status for programs has what callers of cloud-init status read", () => {
  expect(verb("status", "--format=json")).toMatchObject({ exitCode: 1, text: '{"status":"not run"}\n' });
  const errors = ["network: no cable"];
  writeStatus(host(), {
    version: 1,
    status: "degraded",
    datasource: "NoCloud",
    place: "/dev/vdb",
    nics: [],
    phases: {},
    errors,
  });
  const { text, exitCode } = verb("status", "--wait", "--format", "json");
  expect(exitCode).toBe(2);
  expect(JSON.parse(text)).toMatchObject({
    status: "degraded",
    extended_status: "degraded done",
    datasource: "nocloud",
    detail: "/dev/vdb",
    errors: [],
    recoverable_errors: { WARNING: errors },
    stage: null,
  });
});

test("analyze shows phases in order, blame the longest first", () => {
  expect(verb("analyze")).toMatchObject({ exitCode: 1 });
  writeStatus(host(), {
    version: 1,
    status: "done",
    nics: [],
    stages: [{ name: "init", startMs: 10, endMs: 30, errors: [] }],
    phases: { datasource: 7, network: 20 },
    errors: [],
    totalMs: 40,
    cpuMs: 30,
  });
  const shown = verb("analyze", "show")
    .text.split("\n")
    .map((line) => line.trim());
  expect(shown).toEqual([
    "7 ms  datasource",
    "20 ms  network",
    "20 ms  stage init",
    "40 ms  in all, 30 ms of processor time",
    "",
  ]);
  expect(verb("analyze", "blame").text.trim()).toMatch(/^20 ms {2}network/);
});

test("clean leaves no host key, of whatever type", () => {
  const started: string[] = [];
  const start = ({ argv }: { readonly argv: readonly string[] }) => {
    started.push(argv.join(" "));
    return { poll: () => 0, kill() {} };
  };
  expect(runVerb({ ...host(), start }, ["clean"])).toMatchObject({ exitCode: 0, error: "" });
  for (const type of ["ed25519", "ecdsa", "rsa"])
    for (const end of ["", ".pub"])
      expect(`${started.join("\n")} `).toContain(` /etc/dropbear/dropbear_${type}_host_key${end} `);
});
