import type { Host } from "../initializer/host.ts";
import { asObject, type JsonObject } from "../initializer/json-values.ts";
import { quote, run } from "../initializer/processes.ts";
import type { Task } from "../user-data/module.ts";
import { findVolume, readMounts } from "./block-devices.ts";
import { type FstabLine, readMountLines, withLines } from "./fstab.ts";
import { makeSwapFile } from "./swap.ts";

const fstabPath = "/etc/fstab";
const mountLimitMs = 10_000;

/** See Parts. */
export function applyMounts(config: JsonObject, task: Task): string | undefined {
  const { host, problem } = task;
  const lines = readMountLines(config, problem);
  const said: string[] = [];
  const swap = config["swap"] === undefined ? undefined : makeSwapFile(host, asObject(config["swap"]), problem);
  if (swap !== undefined) {
    lines.push([swap.path, "none", "swap", "sw", "0", "0"]);
    if (swap.said !== undefined) said.push(swap.said);
  }
  const before = host.readText(fstabPath) ?? "";
  const { text, added } = withLines(before, lines);
  if (text !== before) host.writeFile(fstabPath, text, 0o644);
  for (const line of added) {
    const [device, directory, type, options] = line;
    if (options.split(",").includes("noauto") || device === swap?.path) continue;
    const reason = type === "swap" ? swapOn(host, device) : mount(host, line);
    if (reason === undefined) said.push(type === "swap" ? `swap on ${device}` : directory);
    else if (reason !== "") problem(`cannot ${type === "swap" ? "swap to" : "mount"} ${device}: ${reason}`);
  }
  return said.length === 0 ? undefined : said.join(", ");
}

/** Why not; empty if there is nothing to say of it, undefined if it is mounted now. */
function mount(host: Host, [device, directory, , options]: FstabLine): string | undefined {
  if (readMounts(host).some(({ path }) => path === directory)) return "";
  const isMissing = device.startsWith("/dev/") && findVolume(host, device) === undefined;
  if (isMissing) return options.split(",").includes("nofail") ? "" : "there is no such device";
  try {
    host.makeDirectory(directory, 0o755);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return command(host, `mount ${quote(directory)}`);
}

function swapOn(host: Host, device: string): string | undefined {
  const used = (host.readText("/proc/swaps") ?? "").split("\n").map((line) => line.split(/\s/)[0]);
  return used.includes(device) ? "" : command(host, `swapon ${quote(device)}`);
}

function command(host: Host, line: string): string | undefined {
  const outputPath = "/run/cloudimg/mounts.log";
  const { status, output } = run(host, { argv: ["sh", "-c", line], outputPath, isGroup: true }, mountLimitMs);
  if (status === 0) return undefined;
  return status === undefined ? "it takes too long" : output.trim().split("\n").at(-1) || `status ${status}`;
}
