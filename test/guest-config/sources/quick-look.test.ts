import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { configDriveSource } from "../../../src/commands/config-drive-source.ts";
import { readAll } from "../../../src/core/byte-source.ts";
import { lookAround } from "../../../src/guest-config/initializer/look-around.ts";
import { quickLook } from "../../../src/guest-config/sources/quick-look.ts";
import { twoNics } from "../instance-configs.ts";
import { nodeHost } from "../node-host.ts";

let directory: string;
const put = (path: string, content: string | Uint8Array) => {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), content);
};
const drive = readAll(configDriveSource(twoNics));
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-quick-"));
  put("/dev/sr0", drive);
  put("/sys/class/block/sr0/size", "2048");
  put("/proc/cmdline", "console=ttyS0 root=UUID=1 ro\n");
  put("/sys/class/dmi/id/product_serial", "7d3f\n");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a whole drive is found at once, and is what looking everywhere finds", () => {
  const problems: string[] = [];
  const quick = quickLook(nodeHost(directory));
  const thorough = lookAround(nodeHost(directory), (text) => problems.push(text));
  expect(problems).toEqual([]);
  expect(quick?.source).toEqual(thorough.source);
  expect(quick?.source?.found).toMatchObject({ instanceId: twoNics.instanceId, problems: [] });
  expect(quick).toMatchObject({
    names: thorough.names,
    said: thorough.said,
    signs: { commandLine: thorough.signs.commandLine },
  });
  expect(quick?.ownNetwork).toEqual(thorough.ownNetwork);
});

test.each([
  ["the command line names a source", "/proc/cmdline", "ro ds=nocloud"],
  ["the command line switches it off", "/proc/cmdline", "ro cloud-init=disabled"],
  ["the command line has a network", "/proc/cmdline", "network-config=disabled"],
  ["the initrd was told of a network", "/proc/cmdline", "ip=dhcp"],
  ["the serial number names a source", "/sys/class/dmi/id/product_serial", "ds=nocloud;s=http://192.0.2.1/"],
  ["the image has an /etc/cloud", "/etc/cloud/cloud.cfg", "{}"],
  ["there is a seed", "/var/lib/cloud/seed/nocloud/meta-data", ""],
  ["there is a second drive", "/dev/sr1", drive],
  ["the drive is cut off", "/dev/sr0", drive.slice(0, 40 << 10)],
  [
    "the drive has another label",
    "/dev/sr0",
    readAll(configDriveSource(twoNics)).map((byte, at) => (at === 32808 ? 0x58 : byte)),
  ],
  ["the drive is no ISO", "/dev/sr0", new Uint8Array(64 << 10)],
])("if %s, everything is looked at", (_, path, content) => {
  put(path, content);
  if (path === "/dev/sr1") put("/sys/class/block/sr1/size", "2048");
  if (path === "/dev/sr0" && content.length > 40 << 10) put("/dev/sr0", twiceLabelled(content as Uint8Array));
  expect(quickLook(nodeHost(directory))).toBeUndefined();
});

/** Joliet's descriptor has the label too. */
function twiceLabelled(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, at) => (at === 17 * 2048 + 41 ? 0x58 : byte));
}
