import { type Disk, partitionNames, readMounts, readNumber, volumeOfMount } from "../disk/block-devices.ts";
import { decodeBase64, decodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import { quote, run } from "../initializer/processes.ts";
import { parseOsConf } from "../network/os-conf.ts";
import { hashPasswords, isPassword } from "../user-data/passwd-hash.ts";
import type { Found, Instructions } from "./datasource.ts";
import { aliyunImageFile, type MachineSigns } from "./signs.ts";

const largestText = 64 << 10;
const mountPoint = "/run/cloudimg/partition1";
const mountLimitMs = 4000;

interface Place {
  readonly place: string;
  readonly text: string | undefined;
  remove(host: Host): void;
}

/**
 * Finds Alibaba's os.conf: in the root file system, or in the first partition of its disk, which need not be mounted. It is removed when the instance has been configured,
 * as the vendor asks; the service writes it again when something changes (help.aliyun.com/document_detail/25467.html).
 */
export function findAliyunImage(host: Host, signs: MachineSigns): Found | undefined {
  const found = signs.seeds.aliyunImage === undefined ? inFirstPartition(host, signs) : inDirectory(host, "");
  if (found === undefined) return undefined;
  const { place, text, remove } = found;
  if (text === undefined)
    return { place, authorizedKeys: {}, problems: ["os.conf cannot be read"], isBroken: true, asksOn: true };
  const problems: string[] = [];
  const { passwordHash, passwordUser, hostname, network, problems: more } = parseOsConf(text);
  const hash = passwordHash === undefined ? undefined : hashPassword(host, passwordHash, problems);
  const told: Instructions = {
    hostname,
    network,
    authorizedKeys: {},
    passwordHashes: hash === undefined ? undefined : { [passwordUser]: hash },
  };
  return { ...told, place, problems: [...more, ...problems], asksOn: true, finish: remove };
}

/** The file has base64 of the password itself. A hash is taken too. */
function hashPassword(host: Host, text: string, problems: string[]): string | undefined {
  if (/^\$[\w.-]+\$/.test(text)) return text;
  const bytes = decodeBase64(text);
  const password = bytes && decodeUtf8(bytes);
  try {
    if (isPassword(password)) return hashPasswords(host, [password])[0];
    problems.push("os.conf: the password is no base64 of a password");
  } catch (error) {
    problems.push(`os.conf: ${(error as Error).message}`);
  }
  return undefined;
}

function inDirectory(host: Host, root: string): Place {
  const path = `${root}${aliyunImageFile}`;
  const bytes = host.readBytes(path, 0, largestText + 1);
  return {
    place: path,
    text: bytes === undefined || bytes.length > largestText ? undefined : decodeUtf8(bytes),
    remove: (guest) => {
      guest.remove(path);
      guest.remove(path.slice(0, path.lastIndexOf("/")));
    },
  };
}

function inFirstPartition(host: Host, { volumes }: MachineSigns): Place | undefined {
  const mounts = readMounts(host);
  const disks = mounts.flatMap((mount) => {
    const partition = volumeOfMount(host, mount)?.partition;
    return partition === undefined ? [] : [{ mount, disk: partition.disk, number: partition.number }];
  });
  const root = disks.findLast(({ mount }) => mount.path === "/") ?? disks[0];
  if (root === undefined) return undefined;
  const mounted = disks.find(({ disk, number }) => disk.name === root.disk.name && number === 1);
  if (mounted !== undefined) {
    const directory = mounted.mount.path.replace(/\/$/, "");
    return host.attributes(`${directory}${aliyunImageFile}`) === undefined ? undefined : inDirectory(host, directory);
  }
  const device = firstPartition(host, root.disk);
  if (device === undefined) return undefined;
  const fat = volumes.find((volume) => volume.device === device)?.open();
  if (fat === undefined && !isExt(host, device)) return undefined;
  if (fat !== undefined && !fat.list("/aliyun_custom_image").includes("os.conf")) return undefined;
  const text = fat?.readText(aliyunImageFile) ?? readMounted(host, device);
  if (text === undefined && fat === undefined) return undefined;
  return { place: `${device}:${aliyunImageFile}`, text, remove: (guest) => removeMounted(guest, device) };
}

function firstPartition(host: Host, { name: disk }: Disk): string | undefined {
  const name = partitionNames(host, disk).find((partition) => readNumber(host, partition, "partition") === 1);
  return name && `/dev/${name.replaceAll("!", "/")}`;
}

/** The superblock is at byte 1024, its magic number at byte 56 of it (linux/fs/ext4/ext4.h). */
function isExt(host: Host, device: string): boolean {
  const [low, high] = host.readBytes(device, 1024 + 56, 2) ?? [];
  return low === 0x53 && high === 0xef;
}

function readMounted(host: Host, device: string): string | undefined {
  const outputPath = "/run/cloudimg/os.conf";
  const file = `${mountPoint}${aliyunImageFile}`;
  const script = withMounted(device, "ro", `head -c ${largestText} ${file}`);
  host.writeFile(outputPath, "", 0o600);
  const { status, output } = run(host, { argv: ["sh", "-c", script], outputPath }, mountLimitMs);
  host.remove(outputPath);
  return status === 0 ? output : undefined;
}

function removeMounted(host: Host, device: string): void {
  const file = `${mountPoint}${aliyunImageFile}`;
  const script = withMounted(device, "rw", `rm -f ${file}; rmdir ${mountPoint}/aliyun_custom_image; sync`);
  run(host, { argv: ["sh", "-c", script] }, mountLimitMs);
}

/** The status is that of the command. A file system that only a module knows is tried by its name. */
function withMounted(device: string, mode: "ro" | "rw", command: string): string {
  const mount = `mount -o ${mode} ${quote(device)} ${mountPoint} 2>/dev/null`;
  const vfat = `{ modprobe -q vfat; mount -t vfat -o ${mode} ${quote(device)} ${mountPoint}; }`;
  return `mkdir -p ${mountPoint}; { ${mount} || ${vfat}; } 2>/dev/null || exit 1; { ${command}; } 2>/dev/null; status=$?; umount ${mountPoint}; exit $status`;
}
