import { encodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import { parseJson } from "../initializer/json-values.ts";
import { run } from "../initializer/processes.ts";
import { parseNetworkData } from "../network/openstack-network.ts";
import type { Datasource, Found } from "./datasource.ts";
import { openIso } from "./iso-reader.ts";
import { parseMetadata } from "./openstack-metadata.ts";
import { type ByteReader, readVolume, type Volume } from "./volume-label.ts";

/** OpenStack's config drive: a small disk or CD with the label `config-2`. */
export const configDrive: Datasource = {
  name: "config-drive",
  cloudInitName: "ConfigDrive",
  find(host) {
    const broken: string[] = [];
    for (const device of blockDevices(host)) {
      const read = windowReader(host, `/dev/${device}`);
      const volume = readVolume(read);
      // cloud-init wants all lower or all upper case. Nothing else has a label like it, so any case will do here.
      if (volume === undefined || volume.label.toLowerCase() !== "config-2") continue;
      const found = readDevice(host, `/dev/${device}`, volume, read);
      if (typeof found !== "string") return { ...found, problems: [...broken, ...found.problems] };
      broken.push(`/dev/${device}: ${found}`);
    }
    if (broken.length === 0) return undefined;
    return { place: "broken drive", authorizedKeys: {}, problems: broken };
  },
};

/** Whole disks, partitions and CDs; later names first, so that a disk that was added wins over the one that we run from. */
function blockDevices(host: Host): string[] {
  const names = host.list("/sys/class/block").filter((name) => !/^(loop|ram|zram|nbd|fd|dm-|md)\d/.test(name));
  const isCd = (name: string) => /^(sr|cd)\d/.test(name);
  return [...names.filter(isCd).reverse(), ...names.filter((name) => !isCd(name)).reverse()];
}

/** Label, directories and files of a drive as clouds make it lie in the first window. Opening a CD drive costs milliseconds, so it is done once. */
const windowBytes = 128 << 10;

function windowReader(host: Host, path: string): ByteReader {
  const window = host.readBytes(path, 0, windowBytes);
  return (offsetBytes, lengthBytes) =>
    window === undefined || offsetBytes + lengthBytes <= windowBytes
      ? window?.subarray(offsetBytes, offsetBytes + lengthBytes)
      : host.readBytes(path, offsetBytes, lengthBytes);
}

function readDevice(host: Host, place: string, { fileSystem }: Volume, read: ByteReader): Found | string {
  if (fileSystem === "vfat") return readMounted(host, place);
  const iso = openIso(read);
  return iso === undefined ? "its root directory cannot be read" : readTree(iso, "", place);
}

const mountPoint = "/run/cloudimg/drive";
const mountLimitMs = 4000;

function readMounted(host: Host, place: string): Found | string {
  host.makeDirectory(mountPoint, 0o700);
  // The kernel loads a file system by itself only where aliases of modules are known.
  const script = `modprobe -q vfat; mount -t vfat -o ro ${place} ${mountPoint}`;
  const command = { argv: ["sh", "-c", script], outputPath: "/run/cloudimg/mount.log" };
  const { status, output } = run(host, command, mountLimitMs);
  if (status !== 0) return status === undefined ? "mounting it takes too long" : `cannot mount it: ${output.trim()}`;
  try {
    return readTree(host, mountPoint, place);
  } finally {
    run(host, { argv: ["umount", mountPoint] }, mountLimitMs);
  }
}

/**
 * Newest first. A version that is not known here may look different: `latest` is read instead, which every generator writes.
 * https://docs.openstack.org/nova/latest/user/metadata.html#openstack-format-metadata
 */
const knownVersions = [
  "2018-08-27",
  "2017-02-22",
  "2016-10-06",
  "2016-06-30",
  "2015-10-15",
  "2013-10-17",
  "2013-04-04",
  "2012-08-10",
  "latest",
];

/** Reads a config drive's files, wherever they are. A text says why they are no config drive. */
export function readTree(host: Pick<Host, "readText" | "list">, root: string, place: string): Found | string {
  const present = host.list(`${root}/openstack`);
  const version = knownVersions.find((name) => present.includes(name));
  if (version === undefined) {
    if (host.list(root).includes("meta.js")) return "it has the format of 2012, which is not supported";
    return "it has no openstack directory of a known version";
  }
  const problems: string[] = [];
  const read = (name: string) => host.readText(`${root}/openstack/${version}/${name}`);
  const readJson = (name: string, text: string) => {
    try {
      return { value: parseJson(text) };
    } catch (error) {
      problems.push(`${name} is not JSON: ${(error as Error).message}`);
      return undefined;
    }
  };
  const metaText = read("meta_data.json");
  if (metaText === undefined) problems.push("meta_data.json is missing");
  const metaJson = metaText === undefined ? undefined : readJson("meta_data.json", metaText);
  const meta = metaJson === undefined ? undefined : parseMetadata(metaJson.value);
  const networkText = read("network_data.json");
  const networkJson = networkText === undefined ? undefined : readJson("network_data.json", networkText);
  const network = networkJson === undefined ? undefined : parseNetworkData(networkJson.value);
  const userData = read("user_data");
  return {
    place,
    instanceId: meta?.instanceId,
    hostname: meta?.hostname,
    authorizedKeys: meta?.authorizedKeys ?? {},
    randomSeed: meta?.randomSeed,
    network: network?.network,
    userData: userData === undefined ? undefined : encodeUtf8(userData),
    problems: [...problems, ...(meta?.problems ?? []), ...(network?.problems ?? [])],
  };
}
