import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatNames } from "../../src/commands/config-drive.ts";
import { cloudNames } from "../../src/commands/metadata.ts";
import { metadataMachine } from "../../src/commands/metadata-machines.ts";
import { formats } from "../../src/guest-config/formats/formats.ts";
import { metadataClouds } from "../../src/guest-config/formats/metadata-tree.ts";
import { detect } from "../../src/guest-config/sources/detect.ts";
import { noSigns } from "../../src/guest-config/sources/signs.ts";
import { readVolume } from "../../src/guest-config/sources/volume-label.ts";
import { finished, startCloudimg, temporaryDirectory } from "../cli/cloudimg.ts";

const cloudimg = async (cwd: string, ...args: string[]) => await finished(startCloudimg(args, { cwd }));

test("the command line knows all formats and all clouds", () => {
  expect(formatNames).toEqual(formats.map(({ name }) => name));
  expect(cloudNames).toEqual(metadataClouds);
});

test("a machine that shows a cloud's signs is known for one of that cloud", () => {
  const sources = metadataClouds.map((cloud) => {
    const { system, chassis } = metadataMachine(cloud, "http://192.0.2.1/").smbios;
    const dmi = {
      sys_vendor: system?.manufacturer,
      product_name: system?.product,
      product_serial: system?.serial,
      product_uuid: system?.uuid,
      chassis_vendor: chassis?.manufacturer,
      chassis_asset_tag: chassis?.asset,
    };
    return [cloud, detect({ ...noSigns, dmi }).network];
  });
  expect(Object.fromEntries(sources)).toEqual({
    tencent: ["TencentCloud"],
    alibaba: ["AliYun"],
    huawei: ["OpenStack"],
    openstack: ["OpenStack"],
    ec2: ["Ec2"],
    nocloud: ["NoCloud"],
  });
});

test("metadata serve answers until it is interrupted, and tells what was asked", async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "setup.yaml"), "#cloud-config\nhostname: größe\n");
  const args = ["metadata", "serve", "local", "--as", "nocloud", "--hostname", "web-1", "--user-data", "setup.yaml"];
  const child = startCloudimg([...args, "--instance-id", "i-1", "--json"], { cwd: directory });
  const end = finished(child);
  const first = await new Promise<string>((resolve) => child.stdout?.once("data", (text) => resolve(String(text))));
  const { value } = JSON.parse(first) as { value: { url: string; port: number; qemu: string[] } };
  expect(value).toMatchObject({ url: `http://127.0.0.1:${value.port}/`, as: "nocloud", instanceId: "i-1" });
  expect(value.qemu).toContain(`type=1,serial=ds=nocloud;s=http://10.0.2.2:${value.port}/`);
  const get = async (path: string) => await (await fetch(value.url + path)).text();
  expect(JSON.parse(await get("meta-data"))).toMatchObject({ "instance-id": "i-1", "local-hostname": "web-1" });
  expect(await get("user-data")).toBe("#cloud-config\nhostname: größe\n");
  child.kill("SIGINT");
  const { code, stdout } = await end;
  expect(code).toBe(130);
  const messages = stdout.split("\n").flatMap((line) => (line === "" ? [] : (JSON.parse(line).message ?? [])));
  expect(messages).toEqual(["GET /meta-data 200", "GET /user-data 200"]);
});

test("metadata refuses what it does not have", async () => {
  const directory = temporaryDirectory();
  const refusal = async (...args: string[]) => (await cloudimg(directory, "metadata", ...args)).stderr;
  expect(await refusal("serve", "local", "--as", "openstack", "--token", "required")).toContain("that cloud has none");
  expect(await refusal("serve", "local", "--port", "70000")).toContain("from 1 to 65535");
  expect(await refusal("stop")).toContain("Allowed choices are serve");
  expect(await refusal("serve", "local", "--hostname", "a b")).toContain("cannot name a host");
});

test("config-drive writes each format, under its label", async () => {
  const directory = temporaryDirectory();
  for (const { name, label } of formats) {
    const args = ["config-drive", "local", "--format", name, "--instance-id", "i-1", "--hostname", "web-1", "--json"];
    const { code, stdout } = await cloudimg(directory, ...args);
    const { value } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    const path = label === undefined ? "os.conf" : `${name}.iso`;
    const macs = [expect.stringMatching(/^52:54:00:/)];
    expect({ code, value }).toMatchObject({ code: 0, value: { path, instanceId: "i-1", format: name, macs } });
    const bytes = readFileSync(join(directory, path));
    if (label === undefined) expect(bytes.toString()).toMatch(/^hostname=web-1\n/);
    else
      expect(readVolume((offset, length) => bytes.subarray(offset, offset + length))).toMatchObject({
        labels: [label],
      });
  }
});

test("config-drive tells what a format has no place for", async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "setup.sh"), "#!/bin/sh\n");
  const written = await cloudimg(
    directory,
    "config-drive",
    "local",
    "-f",
    "alibaba-os-conf",
    "--user-data",
    "setup.sh",
  );
  expect(written.stderr).toContain("os.conf has no place for user data");
  const { stderr } = await cloudimg(directory, "config-drive", "local", "--user-data", "setup.sh");
  expect(stderr).not.toContain("no place");
});
