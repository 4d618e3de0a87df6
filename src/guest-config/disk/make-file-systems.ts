import type { Host } from "../initializer/host.ts";
import { asArray, asObject, asText, asTexts, type JsonObject } from "../initializer/json-values.ts";
import { quote, run } from "../initializer/processes.ts";
import type { Task } from "../user-data/module.ts";
import { findVolume, partitionNames, readNumber, type Volume } from "./block-devices.ts";
import { type Contents, describeContents, readContents } from "./contents.ts";
import { deviceOf } from "./device-names.ts";
import { isInUse } from "./in-use.ts";

const makeLimitMs = 30_000;
const logPath = "/run/cloudimg/mkfs.log";

/** fs_setup: file systems on disks and partitions that hold nothing, or what may be overwritten. Words for each that was made. */
export function makeFileSystems(config: JsonObject, { host, problem }: Task): string[] {
  const aliases = asObject(config["device_aliases"]) ?? {};
  const said: string[] = [];
  for (const item of asArray(config["fs_setup"])) {
    const wish = asObject(item);
    const device = asText(wish?.["device"]);
    const path = device === undefined ? undefined : deviceOf(device, aliases);
    if (wish === undefined || device === undefined) problem("fs_setup: an item without a device");
    if (wish === undefined || path === undefined) continue;
    try {
      const text = makeFileSystem(host, path, readWish(wish), (reason) => problem(`fs_setup of ${device}: ${reason}`));
      if (text !== undefined) said.push(text);
    } catch (error) {
      problem(`fs_setup of ${device}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return said;
}

interface Wish {
  readonly type: string;
  readonly label: string;
  /** `auto`, `any`, `none` or a number. */
  readonly partition: string;
  readonly overwrites: boolean;
  /** A type of file system that may be overwritten. */
  readonly replaces: string | undefined;
  readonly options: readonly string[];
  /** A command line of the user's own. */
  readonly command: readonly string[];
}

/** Throws an Error. */
function readWish(wish: JsonObject): Wish {
  const type = asText(wish["filesystem"]) ?? "ext4";
  const label = String(wish["label"] ?? "");
  const partition = String(wish["partition"] ?? "none").toLowerCase();
  const overwrites = wish["overwrite"] ?? false;
  if (!/^[a-z][\w.+-]*$/.test(type)) throw new Error(`${JSON.stringify(type)} is no file system`);
  if (/[\0\n]/.test(label) || label.startsWith("-")) throw new Error("its label cannot be written");
  if (!/^(auto|any|none|[1-9]\d{0,2})$/.test(partition))
    throw new Error(`partition is neither auto, any, none nor a number: ${partition}`);
  if (typeof overwrites !== "boolean") throw new Error("overwrite is neither true nor false");
  const command = wish["cmd"];
  return {
    ...{ type, label, partition, overwrites, replaces: asText(wish["replace_fs"]) },
    options: asTexts(wish["extra_opts"]),
    command: Array.isArray(command) ? command.map(String) : command === undefined ? [] : ["sh", "-c", String(command)],
  };
}

function makeFileSystem(host: Host, path: string, wish: Wish, problem: (text: string) => void): string | undefined {
  const device = findVolume(host, path);
  if (device === undefined) return void problem("there is no such device");
  const isFor = ({ type, label }: Contents, hasLabel: boolean) =>
    type !== undefined && kindOf(type) === kindOf(wish.type) && (!hasLabel || label === cutLabel(wish));
  const mayReplace = ({ type }: Contents) =>
    type === undefined || wish.overwrites || (wish.replaces !== undefined && kindOf(type) === kindOf(wish.replaces));
  const volumes = candidates(host, device, wish.partition).map((volume) => ({
    volume,
    contents: readContents(host, volume),
  }));
  if (volumes.length === 0) return void problem(`it has no partition ${wish.partition}`);
  const isChosen = wish.partition === "auto" || wish.partition === "any";
  if (volumes.some(({ contents }) => isFor(contents, wish.partition !== "any")) && (isChosen || !wish.overwrites))
    return undefined;
  const target = volumes.find(({ volume, contents }) => mayReplace(contents) && !isInUse(host, volume));
  if (target === undefined) {
    const { volume, contents } = volumes[0] as (typeof volumes)[number];
    if (mayReplace(contents)) return void problem("it is in use: it stays as it is");
    return void problem(
      `${volume.name} holds ${describeContents(contents)}, and overwrite is not true: it stays as it is`,
    );
  }
  return format(host, target.volume, wish, problem);
}

/** In the order in which they are tried. With `auto` and `any` a disk with partitions is none itself. */
function candidates(host: Host, device: Volume, partition: string): Volume[] {
  if (partition === "none") return [device];
  const parts = device.partition === undefined ? partitionNames(host, device.name) : [];
  if (partition === "auto" || partition === "any")
    return parts.length === 0 ? [device] : parts.flatMap((name) => findVolume(host, name) ?? []);
  const name = parts.find((candidate) => readNumber(host, candidate, "partition") === Number(partition));
  return name === undefined ? [] : [findVolume(host, name) ?? []].flat();
}

/** ext2 to ext4 are one family: a driver reads them all, and an image without mkfs.ext4 makes the oldest. */
function kindOf(type: string): string {
  return /^ext[234]?$/.test(type) ? "ext" : /^(vfat|fat\d*|msdos)$/.test(type) ? "vfat" : type;
}

const labelLengths: Readonly<Record<string, number>> = { ext: 16, vfat: 11, swap: 15, xfs: 12 };

/** As long as the format allows. */
function cutLabel({ type, label }: Wish): string {
  return label.slice(0, labelLengths[kindOf(type)] ?? 255);
}

function format(host: Host, volume: Volume, wish: Wish, problem: (text: string) => void): string | undefined {
  const { type, label, options, command } = wish;
  const words = { label, filesystem: type, device: volume.path };
  // A text is the shell's, where values stand as words of their own.
  const isShell = command[0] === "sh" && command.length === 3;
  const filled = command.map((word) =>
    word.replace(/%\((label|filesystem|device)\)s/g, (_, name: keyof typeof words) =>
      isShell ? quote(words[name]) : words[name],
    ),
  );
  const made = command.length > 0 ? { argv: filled, type } : programFor(host, wish, volume.path);
  if (made === undefined) return void problem(`this image cannot make ${type}: it has no mkfs.${type}`);
  if (made.type !== type)
    problem(`${volume.name} gets ${made.type} instead of ${type}, without a journal: this image has no mkfs.${type}`);
  const argv = command.length > 0 ? made.argv : [...made.argv.slice(0, -1), ...options, volume.path];
  const { status, output } = run(host, { argv, outputPath: logPath, isGroup: true }, makeLimitMs);
  if (status === 0) return `${volume.name} ${made.type}${label === "" ? "" : ` ${label}`}`;
  const why = status === undefined ? `takes longer than ${makeLimitMs / 1000} s` : `ended with ${status}`;
  return void problem(`${argv[0]} ${why}: ${output.trim().split("\n").at(-1) ?? ""}`);
}

/** The program that is in the image, the device as its last word. */
function programFor(host: Host, wish: Wish, path: string): { argv: string[]; type: string } | undefined {
  const { type } = wish;
  const label = cutLabel(wish);
  const kind = kindOf(type);
  const own = `mkfs.${kind === "vfat" ? "vfat" : type}`;
  const has = (name: string) =>
    ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].some(
      (directory) => host.attributes(`${directory}/${name}`) !== undefined,
    );
  const labelled = (option: string) => (label === "" ? [] : [option, label]);
  if (kind === "swap") return { argv: ["mkswap", ...labelled("-L"), path], type };
  if (kind === "vfat") return { argv: [has(own) ? own : "mkdosfs", ...labelled("-n"), path], type };
  if (kind === "ext") {
    // All that it asks has been looked at here.
    if (has(own)) return { argv: [own, "-q", "-F", ...labelled("-L"), path], type };
    return { argv: ["mke2fs", "-F", ...labelled("-L"), path], type: "ext2" };
  }
  return has(own) ? { argv: [own, "-f", ...labelled("-L"), path], type } : undefined;
}
