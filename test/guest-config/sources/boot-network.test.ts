import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Host } from "../../../src/guest-config/initializer/host.ts";
import { bootNetwork } from "../../../src/guest-config/sources/boot-network.ts";
import { machine } from "./machine.ts";

const at = (host: Host) => bootNetwork(host, { commandLine: host.readText("/proc/cmdline")?.trim() ?? "" });
const v2 = (name: string) => `version: 2\nethernets:\n  ${name}:\n    dhcp4: true\n`;
const base64 = (content: string | Uint8Array) => Buffer.from(content).toString("base64");
const cfg = (name: string) => `network:\n${v2(name).replace(/^(?=.)/gm, "  ")}`;
const klibc = "DEVICE='eth5'\nPROTO='static'\nIPV4ADDR='192.0.2.5'\nIPV4NETMASK='255.255.255.0'\n";

const all = {
  "proc/cmdline": `ro ip=dhcp network-config=${base64(v2("kernel0"))}\n`,
  "run/net-eth5.conf": klibc,
  "sys/class/net/eth5/address": "52:54:00:00:00:05\n",
  "etc/cloud/cloud.cfg": cfg("image0"),
  "etc/cloud/cloud.cfg.d/50-network.cfg": cfg("image1"),
};

test("the kernel goes before the initrd, that before the image", () => {
  const names = (host: Host) => at(host)?.network?.interfaces.map(({ name, mac }) => name ?? mac);
  expect(names(machine({}, all))).toEqual(["kernel0"]);
  expect(names(machine({}, { ...all, "proc/cmdline": "ro ip=dhcp" }))).toEqual(["eth5"]);
  // Nobody has obeyed ip=: the files are of something else.
  expect(names(machine({}, { ...all, "proc/cmdline": "ro" }))).toEqual(["image1"]);
  expect(at(machine({}, { "proc/cmdline": "ro" }))).toBeUndefined();
});

test("disabled in any of them", () => {
  expect(at(machine({}, { ...all, "proc/cmdline": "network-config=disabled" }))).toMatchObject({ isDisabled: true });
  const off = { "etc/cloud/cloud.cfg.d/99.cfg": "network: {config: disabled}\n" };
  expect(at(machine({}, { ...off }))).toMatchObject({ isDisabled: true, place: "/etc/cloud", problems: [] });
});

describe("what cannot be read is reported, and the next place looked at", () => {
  test.each(["network-config=!!", `network-config=${base64("a: [")}`])("%s", (commandLine) => {
    const found = at(machine({}, { ...all, "proc/cmdline": commandLine }));
    expect(found?.problems).toHaveLength(1);
    expect(found?.network?.interfaces.map(({ name }) => name)).toEqual(["image1"]);
  });

  test("an image without the part that it takes", () => {
    const host = machine({}, all);
    const found = at({
      ...host,
      loadScript: (name) => {
        throw new Error(`no ${name}`);
      },
    });
    expect(found?.network).toBeUndefined();
    expect(found?.problems.length).toBeGreaterThan(0);
  });
});

test("one that is packed, up to a limit", () => {
  const unpacked = (text: string) => {
    const host = machine({}, { "proc/cmdline": `network-config=${base64(gzipSync(text))}`, "run/x": "" });
    const start: Host["start"] = ({ argv, outputPath }) => {
      const script = (argv[2] ?? "").replaceAll("/run/", `${host.root}/run/`);
      execFileSync("sh", ["-c", `{ ${script}; } > ${join(host.root, outputPath ?? "")}`], { stdio: "ignore" });
      return { poll: () => 0, kill: () => {} };
    };
    return at({ ...host, start });
  };
  expect(unpacked(v2("packed0"))?.network?.interfaces.map(({ name }) => name)).toEqual(["packed0"]);
  expect(unpacked("#".repeat(3 << 20))?.problems).toEqual(["network-config= of the command line cannot be unpacked"]);
});
