import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleForQuickjs } from "../../../src/guest-config/bundle.ts";
import { type MetadataCloud, metadataResponder } from "../../../src/guest-config/formats/metadata-tree.ts";
import { networkSources } from "../../../src/guest-config/sources/network-sources.ts";
import { readSigns } from "../../../src/guest-config/sources/signs.ts";
import { startMetadataServer } from "../../../src/machine/metadata-server.ts";
import { oracle } from "../../oracles/tools.ts";
import { fakeNetwork } from "../fake-network.ts";
import { twoNics } from "../instance-configs.ts";
import { memoryHost } from "./memory-host.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-sources-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const clouds: readonly (readonly [MetadataCloud, string, string])[] = [
  ["tencent", "tencent", "http://169.254.0.23"],
  ["alibaba", "alibaba", "http://100.100.100.200"],
  ["huawei", "openstack", "http://169.254.169.254"],
  ["openstack", "openstack", "http://169.254.169.254"],
  ["ec2", "ec2", "http://169.254.169.254"],
  ["nocloud", "nocloud-net", "http://10.0.2.2:8000"],
];
const files = { "sys/class/dmi/id/product_serial": "ds=nocloud;s=http://10.0.2.2:8000/" };

test("QuickJS and nc find at a real server what Node finds in the function behind it", async () => {
  const never = new AbortController().signal;
  const tasks = await Promise.all(
    clouds.map(async ([cloud, source, origin]) => {
      const responder = metadataResponder(cloud, twoNics, { addresses: [{ address: "10.0.2.15/24" }] });
      const server = await startMetadataServer(responder, {}, never);
      return { source, origin, responder, server, files, at: `http://127.0.0.1:${server.port}` };
    }),
  );
  const script = join(directory, "sources.js");
  writeFileSync(script, await bundleForQuickjs(fileURLToPath(new URL("sources-for-quickjs.ts", import.meta.url))));
  const tasksFile = join(directory, "tasks.json");
  writeFileSync(tasksFile, JSON.stringify(tasks.map(({ responder: _, server: __, ...task }) => task)));
  mkdirSync(join(directory, "bin"));
  symlinkSync((await oracle("busybox"))[0] as string, join(directory, "bin/nc"));
  const [program = "", ...first] = await oracle("qjs");
  const child = spawn(program, [...first, "-m", script, directory, tasksFile], {
    env: { PATH: join(directory, "bin") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (part) => {
    output += part;
  });
  await new Promise((resolve) => child.on("close", resolve));
  await Promise.all(tasks.map(({ server }) => server.close()));
  const results = output.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
  expect(results).toHaveLength(clouds.length);
  for (const [index, { source, origin, responder }] of tasks.entries()) {
    const { host } = fakeNetwork(memoryHost(files), { [origin]: responder });
    const found = networkSources.find(({ name }) => name === source)?.find(host, readSigns(host));
    expect(found).toMatchObject({ instanceId: twoNics.instanceId, problems: [] });
    const userData = found?.userData && Buffer.from(found.userData).toString("base64");
    expect(results[index].found, source).toEqual(JSON.parse(JSON.stringify({ ...found, userData })));
    // Each document is a program that is started and a connection: still nothing that anybody would notice.
    expect(results[index].ms).toBeLessThan(5000);
  }
});
