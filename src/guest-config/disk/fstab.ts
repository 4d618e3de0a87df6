import { asArray, asObject, type JsonObject } from "../initializer/json-values.ts";
import { deviceOf } from "./device-names.ts";

/** What marks lines of ours, as cloud-init marks its own: they are made anew from each cloud-config. */
const mark = "comment=cloudconfig";
/** cloud-init adds words for systemd, which no other mount(8) takes. */
const defaultFields: readonly (string | null)[] = [null, null, "auto", "defaults,nofail", "0", "2"];

/** Six columns, unescaped: device, directory, type, options, dump, pass. */
export type FstabLine = readonly [string, string, string, string, string, string];

/**
 * `mounts` and `mount_default_fields` of cloud-config. Without a mount point a line takes back those before it with the same device, and names of devices that the
 * cloud did not give are left out, both as cloud-init has it.
 */
export function readMountLines(config: JsonObject, problem: (text: string) => void): FstabLine[] {
  const aliases = asObject(config["device_aliases"]) ?? {};
  const defaults = readDefaults(config["mount_default_fields"], problem);
  const lines: FstabLine[] = [];
  const given = config["mounts"];
  if (given !== undefined && given !== null && !Array.isArray(given)) problem("mounts is no list");
  const wanted: (readonly unknown[])[] = [];
  for (const item of asArray(given)) {
    if (Array.isArray(item) && item.length > 0 && item.length <= 6 && item.every(isField)) wanted.push(item);
    else problem(`mounts: ${JSON.stringify(item).slice(0, 80)} is no list of up to six columns`);
  }
  // What cloud-init mounts by itself, where the cloud has such a disk.
  if (!wanted.some(([device]) => device === "ephemeral0")) wanted.push(["ephemeral0", "/mnt"]);
  for (const fields of wanted) {
    const device = deviceOf(String(fields[0] ?? ""), aliases);
    if (device === undefined || device === "") continue;
    const [, directory, ...rest] = defaults.map((value, index) => fields[index] ?? value);
    if (directory === null || directory === undefined) {
      for (let index = lines.length; index-- > 0; ) if (lines[index]?.[0] === device) lines.splice(index, 1);
      continue;
    }
    const line = [device, String(directory), ...rest.map(String)] as unknown as FstabLine;
    const reason = whyNot(line);
    if (reason === undefined) lines.push(line);
    else problem(`mounts: ${device}: ${reason}`);
  }
  return lines;
}

function isField(value: unknown): boolean {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

function readDefaults(value: unknown, problem: (text: string) => void): readonly unknown[] {
  if (value === undefined || value === null) return defaultFields;
  if (Array.isArray(value) && value.length <= 6 && value.every(isField))
    return defaultFields.map((field, index) => (value[index] as unknown) ?? field);
  problem("mount_default_fields is no list of up to six columns");
  return defaultFields;
}

function whyNot([device, directory, type, options, dump, pass]: FstabLine): string | undefined {
  if (/\p{Cc}|[^\S ]/u.test(device + directory + type + options)) return "a control character";
  if (device.trim() === "" || directory.trim() === "" || !/^\S+$/.test(type) || !/^\S+$/.test(options))
    return "an empty column";
  if (/^#/.test(device)) return "it would be a comment";
  const isSwap = type === "swap";
  if (!isSwap && !directory.startsWith("/")) return `${JSON.stringify(directory)} is no absolute path`;
  if (directory.split("/").includes("..")) return "its path goes upwards";
  if (/^\/+((proc|sys|dev|run)(\/.*)?)?$/.test(directory)) return `${directory} is the system's own`;
  if (!/^\d+$/.test(dump) || !/^\d+$/.test(pass)) return "dump and pass are numbers";
  return undefined;
}

/** Columns that a fstab(5) has, comments and empty lines left out. */
function parseFstab(text: string): string[][] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(/\s+/));
}

/** The text with our lines in place of those of before. A device or directory that has a line of somebody else's keeps that one. */
export function withLines(text: string, lines: readonly FstabLine[]): { text: string; added: FstabLine[] } {
  const kept = text.split("\n").filter((line) => !isOurs(line));
  while (kept.at(-1) === "") kept.pop();
  const others = parseFstab(kept.join("\n"));
  const added = lines.filter(
    ([device, directory, type]) =>
      !others.some((other) => other[0] === escaped(device) || (type !== "swap" && other[1] === escaped(directory))),
  );
  const all = [...kept, ...added.map(encodeLine)];
  return { text: all.length === 0 ? "" : `${all.join("\n")}\n`, added };
}

function isOurs(line: string): boolean {
  return !line.trimStart().startsWith("#") && (line.trim().split(/\s+/)[3] ?? "").split(",").includes(mark);
}

function encodeLine([device, directory, type, options, dump, pass]: FstabLine): string {
  // busybox hands words that it does not know to the file system, which refuses them.
  const words = options.split(",").filter((word) => word !== "" && !/^(x-|nobootwait$|comment=)/.test(word));
  const columns = [device, directory, type, [...words, mark].join(","), dump, pass];
  return columns.map(escaped).join("\t");
}

/** White space divides the columns, so in a column it is written in octal (fstab(5)). */
function escaped(text: string): string {
  return text.replace(/[\s\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
