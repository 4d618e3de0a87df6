import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readAll } from "../../src/core/byte-source.ts";
import { bundleForQuickjs, bundleInitializer } from "../../src/guest-config/bundle.ts";
import { networkData } from "../../src/guest-config/formats/network-data.ts";
import { initializerTree } from "../../src/guest-config/guest-files.ts";
import { parseNetworkData } from "../../src/guest-config/network/openstack-network.ts";
import { oracle } from "../oracles/tools.ts";
import { anyInstanceConfig, twoNics } from "./instance-configs.ts";
import { planNetwork } from "./network/plan-network.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-bundle-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function qjs(script: string, ...args: string[]) {
  const [program = "", ...first] = await oracle("qjs");
  return spawnSync(program, [...first, "-m", script, ...args], { encoding: "utf8" });
}

test("QuickJS plans as Node does", async () => {
  const bundle = join(directory, "plan.js");
  writeFileSync(bundle, await bundleForQuickjs(fileURLToPath(new URL("plan-for-quickjs.ts", import.meta.url))));
  const configs = [twoNics, ...fc.sample(anyInstanceConfig, { numRuns: 50, seed: 7 })];
  const inputs = configs.map(({ network }) => ({
    document: networkData(network),
    nics: network.interfaces
      .slice(0, 2)
      .map(({ mac }, index) => ({ name: `eth${index}`, mac, isUp: true, hasCarrier: true })),
  }));
  const file = join(directory, "inputs");
  writeFileSync(file, inputs.map((input) => `${JSON.stringify(input)}\n`).join(""));
  const { stdout, stderr } = await qjs(bundle, file);
  expect(stderr).toBe("");
  const plans = inputs.map(({ document, nics }) => {
    const { network, problems } = parseNetworkData(document);
    return JSON.stringify({ problems, plan: network && planNetwork(network, nics, false) });
  });
  expect(stdout.split("\n").filter((line) => line !== "")).toEqual(plans);
});

/** What few boots need is compressed. */
function textOf(name: string, bytes: Uint8Array): string {
  return (name.endsWith(".gz") ? gunzipSync(bytes) : Buffer.from(bytes)).toString();
}

test("the bundle is small, the same each time, without what QuickJS lacks", async () => {
  const bundle = await bundleInitializer();
  expect(await bundleInitializer()).toEqual(bundle);
  const texts = Object.fromEntries(Object.entries(bundle).map(([name, bytes]) => [name, textOf(name, bytes)]));
  const text = texts["cloudimg-init.js"] ?? "";
  expect(text).toMatch(/^#!\/usr\/bin\/qjs -sm\n/);
  const sizes = Object.values(bundle).map(({ length }) => length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(200_000);
  for (const script of Object.values(texts))
    expect(script).not.toMatch(/\b(structuredClone|TextDecoder|TextEncoder|Buffer|new URL|process\.|require\()\b/);
  expect(text.match(/from"[^"]+"/g)?.sort()).toEqual(['from"os"', 'from"std"']);
});

test("the command line, in QuickJS", async () => {
  for (const [name, text] of Object.entries(await bundleInitializer())) writeFileSync(join(directory, name), text);
  const script = join(directory, "cloudimg-init");
  // As in the image: what it loads lies beside the file, not beside the link.
  symlinkSync("cloudimg-init.js", script);
  const run = async (...args: string[]) => {
    const { status, stdout } = await qjs(script, ...args);
    return { status, stdout };
  };
  expect(await run("--help")).toEqual({ status: 0, stdout: expect.stringContaining("cloudimg-init boot") });
  expect((await run("status", "--nonsense")).status).toBe(2);
  expect((await run()).status).toBe(2);
  expect(await run("status", "--format", "json")).toEqual({ status: 1, stdout: '{"status":"not run"}\n' });
});

test("the guest's files; the second time comes from the cache", async () => {
  const context = { directories: { cache: directory, data: directory }, signal: new AbortController().signal };
  const trees = [
    await initializerTree({ epochSeconds: 7 }, context),
    await initializerTree({ epochSeconds: 7 }, context),
  ];
  const listing = trees.map((tree) =>
    [...tree.entries()].map(
      ([path, { type, mode, mtime, origin }]) => `${path} ${type} ${mode.toString(8)} ${mtime} ${origin}`,
    ),
  );
  const scripts = Object.keys(await bundleInitializer()).map(
    (name) => `/usr/lib/cloudimg/${name} file ${name === "cloudimg-init.js" ? 755 : 644} 7 cloudimg-init`,
  );
  expect(listing[0]?.filter((line) => !line.includes(" directory ")).sort()).toEqual(
    [
      ...scripts,
      "/usr/lib/cloudimg/udhcpc.sh file 755 7 cloudimg-init",
      "/usr/sbin/cloudimg-init symlink 777 7 cloudimg-init",
    ].sort(),
  );
  expect(listing[1]).toEqual(listing[0]);
  const texts = trees.map((tree) => {
    const node = tree.get(tree.resolve("/usr/sbin/cloudimg-init") ?? "");
    return node?.type === "file" ? Buffer.from(readAll(node.content)).toString() : undefined;
  });
  const program = Buffer.from((await bundleInitializer())["cloudimg-init.js"] ?? []).toString();
  expect(texts).toEqual([program, program]);
});

test("a published package brings the bundle and the DHCP script", () => {
  const program = fileURLToPath(new URL("../../src/guest-config/write-bundle.ts", import.meta.url));
  execFileSync(process.execPath, [program, join(directory, "dist")]);
  expect(readFileSync(join(directory, "dist/cloudimg-init.js"), "utf8")).toMatch(/^#!/);
  expect(readFileSync(join(directory, "dist/udhcpc.sh"), "utf8")).toMatch(/^#!\/bin\/sh/);
});
