import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readAll } from "../../../src/core/byte-source.ts";
import { nocloudTree } from "../../../src/guest-config/formats/nocloud.ts";
import { runCloudInit } from "../../oracles/cloud-init.ts";
import { twoNics } from "../instance-configs.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-commands-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const docs = fileURLToPath(new URL("../../../docs/", import.meta.url));
const examples = globSync("*.md", { cwd: docs })
  .sort()
  .flatMap((name) =>
    [...readFileSync(join(docs, name), "utf8").matchAll(/```yaml\n(#cloud-config\n[\s\S]*?)```/g)].map(
      ([, text = ""], index) => [`${name} ${index + 1}`, text] as const,
    ),
  );

describe("cloud-init schema accepts the examples of our pages", () => {
  test("there are some", () => expect(examples.length).toBeGreaterThan(3));

  test.each(examples)("%s", async (name, text) => {
    const path = join(directory, `${name.replaceAll(/\W/g, "-")}.yaml`);
    writeFileSync(path, text);
    const { output } = await runCloudInit(["schema", "-c", path]);
    // A key of our own is the one thing that it may not know; it obeys the others all the same.
    const problems = output
      .match(/^Error: Cloud config schema errors: .*/m)?.[0]
      .split(": ")
      .slice(2)
      .join(": ");
    if (/^x-cloudimg:/m.test(text))
      expect(problems).toBe("x-cloudimg: Additional properties are not allowed ('x-cloudimg' was unexpected)");
    else expect(output).toMatch(/^Valid schema/m);
  });
});

test("cloud-init devel net-convert makes of our network-config what the configuration says", async () => {
  const node = nocloudTree(twoNics, 0).get("/network-config");
  if (node?.type !== "file") throw new Error("there is no network-config");
  const path = join(directory, "network-config");
  writeFileSync(path, readAll(node.content));
  const target = join(directory, "target");
  mkdirSync(target);
  const macs = twoNics.network.interfaces.flatMap(({ mac }, index) => ["-m", `eth${index},${mac}`]);
  const words = ["devel", "net-convert", "-p", path, "-k", "yaml", "-d", target, "-D", "debian", ...macs];
  expect(await runCloudInit([...words, "-O", "networkd"])).toMatchObject({ status: 0 });
  const units = globSync("etc/systemd/network/*.network", { cwd: target }).sort();
  const texts = units.map((name) => readFileSync(join(target, name), "utf8"));
  expect(texts).toHaveLength(2);
  expect(texts[0]).toMatch(/MACAddress=52:54:00:00:00:01[\s\S]*DHCP=ipv4/);
  for (const address of ["192.0.2.7/24", "198.51.100.9/32", "2001:db8::7/64"])
    expect(texts[1]).toContain(`Address=${address}`);
  expect(texts[1]).toMatch(/Destination=203\.0\.113\.0\/24/);
  expect(texts[1]).toContain("MTUBytes=1400");
});
