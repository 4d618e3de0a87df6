import type { Host } from "../initializer/host.ts";
import { asArray, asObject, type JsonObject } from "../initializer/json-values.ts";
import { quote, run } from "../initializer/processes.ts";
import type { Task } from "../user-data/module.ts";
import { findVolume, partitionNames } from "./block-devices.ts";
import { describeContents, readContents } from "./contents.ts";
import { deviceOf } from "./device-names.ts";
import { sectorsOf } from "./grow-partition.ts";
import { isInUse } from "./in-use.ts";
import { layOut, newTable, type TableKind } from "./new-table.ts";

const rereadLimitMs = 10_000;
const wipedBytes = 128 * 1024;

/** sgdisk's codes, which cloud-config has for a GPT; those of an MBR are the same without the last two digits. */
const guids: Readonly<Record<string, string>> = {
  "8300": "0fc63daf-8483-4772-8e79-3d69d8477de4",
  "8200": "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",
  "8e00": "e6d6d379-f507-44c2-a23c-238f2a3df928",
  fd00: "a19d880f-05fc-4d3b-a006-743f0f84911e",
  ef00: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
  ef02: "21686148-6449-6e6f-744e-656564454649",
  "0700": "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7",
};

/** disk_setup: tables for whole disks besides the system's. Words for each disk that was partitioned. */
export function partitionDisks(config: JsonObject, { host, problem }: Task): string[] {
  const aliases = asObject(config["device_aliases"]) ?? {};
  const said: string[] = [];
  for (const [name, value] of Object.entries(asObject(config["disk_setup"]) ?? {})) {
    const tell = (text: string) => problem(`disk_setup of ${name}: ${text}`);
    const wish = asObject(value);
    const path = deviceOf(name, aliases);
    // A name of the cloud's for a disk that this machine does not have.
    if (path === undefined) continue;
    if (wish === undefined) tell("is no mapping");
    else {
      const text = partitionDisk(host, path, wish, tell);
      if (text !== undefined) said.push(text);
    }
  }
  return said;
}

function partitionDisk(
  host: Host,
  path: string,
  { table_type: kind = "mbr", layout = false, overwrite = false }: JsonObject,
  problem: (text: string) => void,
): string | undefined {
  if (layout === false) return undefined;
  const volume = findVolume(host, path);
  if (kind !== "mbr" && kind !== "gpt") return void problem(`table_type is neither mbr nor gpt`);
  if (typeof overwrite !== "boolean") return void problem("overwrite is neither true nor false");
  if (volume === undefined) return void problem("there is no such disk");
  if (volume.partition !== undefined) return void problem("it is a partition");
  const wanted = layout === "remove" ? [] : readLayout(kind, layout);
  if (typeof wanted === "string") return void problem(wanted);
  const disk = sectorsOf(host, volume);
  const partitions = layOut(disk, kind, wanted);
  if (partitions === undefined) return void problem("the disk is too small for its layout");
  const present = partitionNames(host, volume.name);
  if (isInUse(host, volume)) return void problem("it is in use: it stays as it is");
  if (!overwrite) {
    const contents = readContents(host, volume);
    const { type } = contents;
    if (type === undefined && layout === "remove") return undefined;
    // As cloud-init has it: a disk with as many partitions was set up before.
    if (present.length > 0 && present.length === wanted.length) return undefined;
    if (type !== undefined || present.length > 0)
      return void problem(`it holds ${describeContents(contents)}, and overwrite is not true: it stays as it is`);
  }
  const blank = new Uint8Array(wipedBytes);
  // What lay there before must not be taken for the content of a new partition, or of the disk.
  for (const offset of [
    0,
    volume.sizeBytes - wipedBytes,
    ...partitions.map(({ startLba }) => startLba * disk.sectorBytes),
  ])
    host.writeAt(volume.path, offset, blank);
  const random = (count: number) => randomBytes(host, count);
  if (layout !== "remove")
    for (const { lba, bytes } of newTable(disk, kind, partitions, random))
      host.writeAt(volume.path, lba * disk.sectorBytes, bytes);
  run(host, { argv: ["sh", "-c", `blockdev --rereadpt ${quote(volume.path)}`] }, rereadLimitMs);
  const found = partitionNames(host, volume.name).length;
  if (found !== partitions.length) problem("the kernel does not see its new partitions");
  return `${volume.name} ${layout === "remove" ? "without a table" : `${kind} of ${partitions.length}`}`;
}

function randomBytes(host: Host, count: number): Uint8Array {
  const bytes = host.readBytes("/dev/urandom", 0, count);
  if (bytes?.length !== count) throw new Error("cannot read /dev/urandom");
  return bytes;
}

/** `true`, or a list of percentages or of [percentage, type]. A text says what is wrong. */
function readLayout(kind: TableKind, layout: unknown): { percent: number; type: number | string }[] | string {
  const items = layout === true ? [100] : asArray(layout);
  const most = kind === "mbr" ? 4 : 128;
  if (items.length === 0) return "layout is neither true, remove nor a list";
  if (items.length > most) return `an ${kind === "mbr" ? "MBR" : "GPT"} has no more than ${most} partitions`;
  const wanted: { percent: number; type: number | string }[] = [];
  for (const item of items) {
    const [share, code = kind === "mbr" ? "83" : "8300"] = Array.isArray(item) ? item : [item];
    const percent = Number(typeof share === "string" && share.trim() === "" ? Number.NaN : share);
    const type = kind === "mbr" ? mbrType(code) : gptType(code);
    if (!(percent > 0 && percent <= 100)) return `layout: ${JSON.stringify(share)} is no percentage`;
    if (type === undefined) return `layout: ${JSON.stringify(code)} is no partition type for ${kind}`;
    wanted.push({ percent, type });
  }
  const sum = wanted.reduce((total, { percent }) => total + percent, 0);
  return sum > 100.5 ? `layout: ${sum} % is more than the disk` : wanted;
}

/** Hexadecimal, whether YAML took it for a number or not. Containers of logical partitions are not made. */
function mbrType(code: unknown): number | undefined {
  const text = String(code).toLowerCase().replace(/^0x/, "");
  if (!/^[0-9a-f]{1,2}$/.test(text)) return undefined;
  const type = Number.parseInt(text, 16);
  return [0, 0x05, 0x0f, 0x85, 0xee].includes(type) ? undefined : type;
}

function gptType(code: unknown): string | undefined {
  const text = String(code).toLowerCase().trim();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return /[1-9a-f]/.test(text) ? text : undefined;
  const digits = text.length === 2 ? `${text}00` : text.padStart(4, "0");
  return Object.hasOwn(guids, digits) ? guids[digits] : undefined;
}
