import type { Host } from "../initializer/host.ts";
import type { Look } from "../initializer/look.ts";
import { describeSource, longestInstanceId } from "../initializer/source-result.ts";
import { openIso } from "./iso-reader.ts";
import { readOpenstackTree } from "./openstack-tree.ts";
import { noSigns } from "./signs.ts";
import { readIsoVolume } from "./volume-label.ts";

/** With one of these words somebody wants a say in what the machine is configured from. */
const wordsOfOthers = /(?:^|\s)(?:ds=|ci\.|cloud-init=|cloud-config-url=|url=|cc:|network-config=|ip6?=)/;
const otherPlaces = ["/etc/cloud", "/var/lib/cloud/seed", "/config-drive", "/aliyun_custom_image"];
const windowBytes = 128 << 10;

/**
 * What nearly all boots find: a whole config drive of OpenStack's on a CD, and nobody who wants otherwise. With anything else, or the slightest fault, the answer is undefined,
 * and lookAround does it all, with code that other boots need not read.
 */
export function quickLook(host: Host): Look | undefined {
  const commandLine = host.readText("/proc/cmdline")?.trim() ?? "";
  if (wordsOfOthers.test(commandLine)) return undefined;
  if ((host.readText("/sys/class/dmi/id/product_serial") ?? "").includes("ds=")) return undefined;
  if (otherPlaces.some((path) => host.attributes(path) !== undefined)) return undefined;
  const drives = host.list("/sys/class/block").filter((name) => /^sr\d+$/.test(name));
  const [drive] = drives;
  if (drive === undefined || drives.length > 1) return undefined;
  const place = `/dev/${drive}`;
  // Opening a CD drive costs milliseconds, and drives as clouds make them lie in the first window.
  const window = host.readBytes(place, 0, windowBytes);
  if (window === undefined) return undefined;
  const read = (offsetBytes: number, lengthBytes: number) =>
    offsetBytes + lengthBytes <= window.length
      ? window.subarray(offsetBytes, offsetBytes + lengthBytes)
      : host.readBytes(place, offsetBytes, lengthBytes);
  if (!readIsoVolume(read)?.labels.some((label) => label.toLowerCase() === "config-2")) return undefined;
  const files = openIso(read);
  if (files === undefined || files.list("").some((name) => /^(?:qcloud|os)_action$/.test(name))) return undefined;
  const tree = readOpenstackTree(files, place);
  if (typeof tree === "string") return undefined;
  const { mode, ...found } = tree;
  const isWhole =
    found.problems.length === 0 &&
    found.isBroken !== true &&
    found.instanceId !== undefined &&
    found.instanceId.length <= longestInstanceId &&
    mode !== "pass" &&
    mode !== "disabled";
  if (!isWhole) return undefined;
  const source = { name: "config-drive", datasource: "ConfigDrive", found, isDecided: true };
  return { signs: { ...noSigns, commandLine }, source, names: [], said: describeSource(source) };
}
