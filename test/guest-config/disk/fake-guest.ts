import { randomBytes } from "node:crypto";
import { readPartitionTable } from "../../../src/build/partitions/registry.ts";
import type { Host } from "../../../src/guest-config/initializer/host.ts";
import { nodeHost } from "../node-host.ts";
import type { SparseDisk } from "./sparse-disk.ts";

export interface GuestOptions {
  /** `vda`, `nvme0n1`, `sda` */
  readonly diskName?: string;
  readonly sectorBytes?: number;
  /** Lines of mountinfo; `%p1` is the number of the first partition's device. Default: partition 1 is the root. */
  readonly mounts?: readonly string[];
  /** What programs there are besides `resizepart` and `resize2fs`, and what they end with; undefined: never. */
  readonly programs?: Readonly<Record<string, number | undefined>>;
  /** Further files that can be read. */
  readonly files?: Readonly<Record<string, string>>;
  /** Thrown at the write with this number, from 0 on, after `torn` has chosen the sectors of 512 bytes that reach the disk. */
  readonly failsAtWrite?: number;
  readonly torn?: (sector: number) => boolean;
}

export interface FakeGuest {
  readonly host: Host;
  /** Command lines of what was started. */
  readonly started: string[];
  readonly writes: () => number;
  /** Bytes of a partition as the kernel knows it. */
  partitionBytes(number: number): number;
}

/**
 * A machine with one disk, as a boot finds it: the kernel has read the table, and takes the first copy of a GPT or none (block/partitions/efi.c). `resizepart` tells it a new size, `blockdev` has it read the table again, and
 * `resize2fs` writes the superblock of ext4, as far as they matter here.
 */
export function fakeGuest(disk: SparseDisk, options: GuestOptions = {}): FakeGuest {
  const { diskName = "vda", sectorBytes = 512, programs = {} } = options;
  const separator = /\d$/.test(diskName) ? "p" : "";
  let partitions: { name: string; number: number; startBytes: number; sizeBytes: number }[] = [];
  const readTable = () => {
    const table = readPartitionTable(disk);
    if (table?.problems.some((text) => /^the primary/.test(text)))
      throw new Error(`the kernel finds no partitions: ${table.problems}`);
    partitions = (table?.partitions ?? []).map(({ number, startBytes, sizeBytes }) => ({
      name: `${diskName}${separator}${number}`,
      ...{ number, startBytes, sizeBytes },
    }));
  };
  readTable();
  const mounts = options.mounts ?? ["21 1 %p1 / / rw,relatime - ext4 /dev/root rw"];
  const files = options.files ?? {};
  const started: string[] = [];
  const readText = (path: string): string | undefined => {
    if (path === "/proc/self/mountinfo") return `${mounts.join("\n").replace(/%p(\d)/g, "254:$1")}\n`;
    const [, name, attribute = ""] = path.match(/^\/sys\/class\/block\/([^/]+)\/(.+)$/) ?? [];
    const whole = { number: 0, startBytes: 0, sizeBytes: disk.sizeBytes };
    const found = name === diskName ? whole : partitions.find((partition) => partition.name === name);
    if (found === undefined) return files[path];
    const values: Record<string, string | number | undefined> = {
      size: found.sizeBytes / 512,
      dev: `254:${found.number}`,
      ...(found === whole
        ? { "queue/logical_block_size": sectorBytes }
        : { partition: found.number, start: found.startBytes / 512 }),
    };
    return values[attribute] === undefined ? undefined : `${values[attribute]}\n`;
  };
  let writes = 0;
  const place = (path: string, offsetBytes: number, lengthBytes: number) => {
    const partition = partitions.find(({ name }) => path === `/dev/${name}`);
    if (partition === undefined && path !== `/dev/${diskName}`) return undefined;
    const { startBytes, sizeBytes } = partition ?? { startBytes: 0, sizeBytes: disk.sizeBytes };
    return [startBytes + offsetBytes, Math.max(0, Math.min(lengthBytes, sizeBytes - offsetBytes))] as const;
  };
  const host: Host = {
    ...nodeHost("/nowhere"),
    readText,
    readLink(path) {
      const number = path.match(/^\/sys\/dev\/block\/254:(\d+)$/)?.[1];
      const base = `../../devices/pci0000:00/0000:00:04.0/virtio1/block/${diskName}`;
      if (number === "0") return base;
      const partition = partitions.find((candidate) => candidate.number === Number(number));
      return partition === undefined ? undefined : `${base}/${partition.name}`;
    },
    list: (path) =>
      path === `/sys/class/block/${diskName}` ? ["dev", "queue", "size", ...partitions.map(({ name }) => name)] : [],
    attributes: () => undefined,
    readBytes(path, offsetBytes, lengthBytes) {
      if (path === "/dev/urandom") return randomBytes(lengthBytes);
      const found = place(path, offsetBytes, lengthBytes);
      if (found === undefined) return undefined;
      const bytes = new Uint8Array(found[1]);
      disk.read(bytes, found[0]);
      return bytes;
    },
    writeAt(path, offsetBytes, bytes) {
      const found = place(path, offsetBytes, bytes.length);
      if (found === undefined || found[1] !== bytes.length) throw new Error(`cannot write ${path}`);
      if (writes++ !== options.failsAtWrite) return disk.write(found[0], bytes);
      for (let sector = 0; sector < bytes.length / 512; sector++)
        if (options.torn?.(sector) === true)
          disk.write(found[0] + sector * 512, bytes.slice(sector * 512, (sector + 1) * 512));
      throw new Error("the power failed");
    },
    start({ argv }) {
      started.push(argv.join(" "));
      const run = (line: string): number | undefined => {
        const [program = "", ...args] = line.split(" ");
        if (program in programs) return programs[program];
        if (program === "resizepart") {
          const partition = partitions.find(({ number }) => number === Number(args[1]));
          if (partition === undefined) return 1;
          partition.sizeBytes = Number(args[2]) * 512;
          return 0;
        }
        if (program === "blockdev") {
          readTable();
          return 0;
        }
        if (program === "resize2fs") {
          const found = place(args[0] ?? "", 1024, disk.sizeBytes);
          if (found === undefined) return 1;
          disk.write(found[0], superblock(found[1] + 1024));
          return 0;
        }
        return 127;
      };
      let status: number | undefined = 127;
      for (const line of argv[0] === "sh" ? (argv[2] as string).split(" || ") : [argv.join(" ")]) {
        status = run(line);
        if (status === 0 || status === undefined) break;
      }
      return { poll: () => status, kill: () => {} };
    },
    nowMs: () => (clock += 1000),
    sleepMs: () => {},
  };
  let clock = 0;
  const partitionBytes = (wanted: number) => partitions.find(({ number }) => number === wanted)?.sizeBytes ?? 0;
  return { host, started, writes: () => writes, partitionBytes };
}

/** Of an ext4 with blocks of 4 KiB. */
export function superblock(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(1024);
  const view = new DataView(bytes.buffer);
  view.setUint32(0x04, sizeBytes / 4096, true);
  view.setUint32(0x18, 2, true);
  view.setUint32(0x20, 32768, true);
  view.setUint32(0x28, 8192, true);
  view.setUint16(0x38, 0xef53, true);
  view.setUint16(0x58, 256, true);
  return bytes;
}
