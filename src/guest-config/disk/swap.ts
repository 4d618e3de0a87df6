import type { Host } from "../initializer/host.ts";
import { asText, type JsonObject } from "../initializer/json-values.ts";
import { quote, run } from "../initializer/processes.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const makeLimitMs = 30_000;
const magicOffset = 4086;

export interface SwapFile {
  readonly path: string;
  /** What was done; undefined if it was there already. */
  readonly said: string | undefined;
}

/** `swap`: a file to swap to. Undefined if none is wanted, or none can be made. */
export function makeSwapFile(
  host: Host,
  wish: JsonObject | undefined,
  problem: (text: string) => void,
): SwapFile | undefined {
  if (wish === undefined) return void problem("swap is no mapping");
  const path = asText(wish["filename"]) ?? "/swap.img";
  const { size, maxsize } = wish;
  if (size === undefined || size === null || size === 0 || size === "0" || size === false) return undefined;
  const most = maxsize === undefined || maxsize === null ? undefined : bytesOf(maxsize);
  const wanted = size === "auto" ? undefined : bytesOf(size);
  if (!/^\/[^\0\n]*[^/\0\n]$/.test(path) || path.split("/").includes(".."))
    return void problem(`swap: ${JSON.stringify(path)} is no absolute path of a file`);
  if (size !== "auto" && wanted === undefined) return void problem(`swap: ${JSON.stringify(size)} is no size`);
  if (maxsize !== undefined && maxsize !== null && most === undefined)
    return void problem(`swap: ${JSON.stringify(maxsize)} is no size`);
  const isUsed = (host.readText("/proc/swaps") ?? "").split("\n").some((line) => line.startsWith(`${path} `));
  if (isUsed) return { path, said: undefined };
  const there = host.attributes(path);
  if (there !== undefined) {
    const magic = host.readBytes(path, magicOffset, 10);
    if (there.kind !== "file" || magic === undefined || String.fromCharCode(...magic) !== "SWAPSPACE2")
      return void problem(`swap: ${path} is there, and is no swap file: it stays as it is`);
    const failed = shell(host, `chmod 600 ${quote(path)} && swapon ${quote(path)}`);
    return failed === undefined ? { path, said: `swap on ${path}` } : void problem(`swap: ${failed}`);
  }
  const directory = path.slice(0, path.lastIndexOf("/")) || "/";
  host.makeDirectory(directory, 0o755);
  const freeBytes = freeIn(host, directory);
  if (freeBytes === undefined) return void problem(`swap: cannot see how much room ${directory} has`);
  const bytes = wanted === undefined ? suggested(memoryBytes(host), freeBytes, most) : Math.min(wanted, most ?? wanted);
  const count = Math.floor(bytes / MiB);
  if (count === 0) return void problem("swap: less than 1 MiB is no use");
  if (count * MiB > freeBytes * 0.9)
    return void problem(
      `swap: ${count} MiB would fill ${directory}, which has ${Math.floor(freeBytes / MiB)} MiB left`,
    );
  const file = quote(path);
  const failed = shell(
    host,
    // Blocks that are set aside without writing them are enough where the file system can do that.
    `umask 077; { fallocate -l ${count * MiB} ${file} || dd if=/dev/zero of=${file} bs=1048576 count=${count}; } 2>/dev/null && mkswap ${file} && swapon ${file}`,
  );
  if (failed === undefined) return { path, said: `swap of ${count} MiB on ${path}` };
  host.remove(path);
  return void problem(`swap: cannot swap to ${path}: ${failed}`);
}

/** The last line of what it said if it did not end well. */
function shell(host: Host, script: string): string | undefined {
  const argv = ["sh", "-c", script];
  const { status, output } = run(host, { argv, outputPath: "/run/cloudimg/swap.log", isGroup: true }, makeLimitMs);
  if (status === 0) return undefined;
  return status === undefined ? "it takes too long" : output.trim().split("\n").at(-1) || `status ${status}`;
}

/** `512M`, `1.5G`, `2048`, `64KiB`: bytes, units of 1024 as cloud-init has them. */
export function bytesOf(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? Math.floor(value) : undefined;
  const [, digits, unit = ""] = (asText(value) ?? "").match(/^(\d+(?:\.\d+)?)\s*(?:([KMGT])(?:i?B)?|B)?$/i) ?? [];
  if (digits === undefined) return undefined;
  return Math.floor(Number(digits) * 1024 ** ("KMGT".indexOf(unit.toUpperCase()) + (unit === "" ? 0 : 1)));
}

/** As much as there is memory, up to 4 GiB and then by its root; not more than a quarter of what is free, nor 8 GiB, unless `maxsize` says otherwise. */
export function suggested(memory: number, free: number, most: number | undefined): number {
  const wanted = memory < 4 * GiB ? memory : memory < 16 * GiB ? 4 * GiB : Math.round(Math.sqrt(memory / GiB)) * GiB;
  return Math.min(wanted, most === undefined ? Math.min(free / 4, 8 * GiB) : Math.min(most, free * 0.9));
}

function memoryBytes(host: Host): number {
  const kilobytes = host.readText("/proc/meminfo")?.match(/^MemTotal:\s*(\d+) kB/m)?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

function freeIn(host: Host, directory: string): number | undefined {
  const { output } = run(host, { argv: ["df", "-kP", directory], outputPath: "/run/cloudimg/swap.log" }, 5000);
  const columns = output.trim().split("\n").at(-1)?.trim().split(/\s+/) ?? [];
  const kilobytes = columns.at(-3);
  return kilobytes !== undefined && /^\d+$/.test(kilobytes) ? Number(kilobytes) * 1024 : undefined;
}
