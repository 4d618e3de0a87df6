import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeUtf8 } from "../../src/guest-config/initializer/bytes.ts";
import { setHostName } from "../../src/guest-config/initializer/set-host-name.ts";
import { noSource } from "../../src/guest-config/initializer/source-result.ts";
import { setTimeServers } from "../../src/guest-config/initializer/time-servers.ts";
import { hasUserConfig, instanceOf } from "../../src/guest-config/initializer/user-config.ts";
import { noSigns } from "../../src/guest-config/sources/signs.ts";
import { nodeHost } from "./node-host.ts";

let directory: string;
const host = () => nodeHost(directory);
const put = (path: string, text: string) => {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
};
const never = (text: string) => {
  throw new Error(text);
};
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-system-"));
  put("/proc/sys/kernel/hostname", "image");
  put("/etc/hosts", "127.0.0.1\tlocalhost\n");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("time servers of the source, else of DHCP, go to the program that sets the clock", () => {
  const found = { ...noSource.found, ntpServers: ["ntp.example.org", "evil\nserver x"] };
  expect(setTimeServers(host(), found, never).value).toBeUndefined();
  put("/usr/sbin/chronyd", "");
  put("/etc/chrony/chrony.conf", "pool 2.debian.pool.ntp.org iburst\nmakestep 1 3\n");
  expect(setTimeServers(host(), found, never).said).toBe("chrony: ntp.example.org");
  expect(host().readText("/etc/chrony/chrony.conf")).toBe("makestep 1 3\nserver ntp.example.org iburst\n");

  put("/run/cloudimg/lease/eth0", "address 192.0.2.7/24\nntp 192.0.2.123\n");
  expect(setTimeServers(host(), noSource.found, never).said).toBe("chrony: 192.0.2.123");
});

test.each(["preserve_hostname: true", "'preserve_hostname' : yes"])("with %s the image keeps its name", (line) => {
  const userData = encodeUtf8(`#cloud-config\n${line}\n`);
  expect(setHostName(host(), { hostname: "cloud", userData }, never)).toEqual({ value: undefined });
  expect(setHostName(host(), { hostname: "cloud" }, never)).toEqual({ said: "cloud", value: "cloud" });
  put("/etc/cloud/cloud.cfg", `${line}\n`);
  expect(setHostName(host(), { hostname: "other" }, never)).toEqual({ value: undefined });
});

test("what the source has said holds when it is gone, vendor data too", () => {
  const last = { instanceId: "i-1", hostname: "a" };
  const root = "/var/lib/cloud/instances/i-1";
  for (const name of ["user-data.txt", "vendor-data.txt", "vendor-data2.txt"]) put(`${root}/${name}`, name);
  const instance = instanceOf(host(), noSource, last, last);
  expect(Buffer.from(instance.userData ?? []).toString()).toBe("user-data.txt");
  expect(instance.vendorData.map((data) => Buffer.from(data).toString())).toEqual([
    "vendor-data.txt",
    "vendor-data2.txt",
  ]);
  expect(hasUserConfig(host(), noSigns, instance)).toBe(true);
});

test("scripts that an image brings run without user data", () => {
  const instance = instanceOf(host(), noSource, { instanceId: "" }, undefined);
  expect(hasUserConfig(host(), noSigns, instance)).toBe(false);
  put("/var/lib/cloud/scripts/per-boot/10-own", "#!/bin/sh\n");
  expect(hasUserConfig(host(), noSigns, instance)).toBe(true);
});
