import type { Host } from "../initializer/host.ts";
import { type Budget, startBudget } from "../initializer/http-retry.ts";
import { asObject, asText, type JsonObject } from "../initializer/json-values.ts";
import { download } from "./download.ts";
import { fileContent, fileMode } from "./file-content.ts";
import { setOwners, type Wanted } from "./file-owners.ts";
import { largestUnpackedBytes } from "./gunzip.ts";
import type { Module, Task } from "./module.ts";
import { isTrue } from "./settings.ts";

const defaultMode = 0o644;
/** For what all of a stage's files are fetched from, together. */
const sourcesLimitMs = 20_000;
const mostLinks = 8;

/** write_files, but for those that wait. */
export const writeFiles = module("write_files", "early", false);
/** Those with `defer: true`: after users and services are there. */
export const writeFilesDeferred = module("write_files_deferred", "final", true);

function module(name: string, stage: Module["stage"], isDeferred: boolean): Module {
  return {
    name,
    keys: ["write_files"],
    stage,
    frequency: "instance",
    run(config, task) {
      const { write_files: list } = config;
      if (!Array.isArray(list)) {
        if (!isDeferred) task.problem("is no list");
        return undefined;
      }
      const budget = startBudget(task.host, sourcesLimitMs);
      const mine = list.map((item: unknown, index) => ({ entry: asObject(item), index }));
      const wanted = mine.flatMap(({ entry, index }) => {
        if (entry === undefined && !isDeferred) task.problem(`entry ${index + 1} is no mapping`);
        if (entry === undefined || isTrue(entry["defer"]) !== isDeferred) return [];
        return writeOne(entry, index, task, budget) ?? [];
      });
      setOwners(task.host, wanted, task.problem);
      return wanted.length === 0 ? undefined : `${wanted.length} written`;
    },
  };
}

function writeOne(entry: JsonObject, index: number, { host, problem }: Task, budget: Budget): Wanted | undefined {
  const path = asText(entry["path"]);
  if (path === undefined || !path.startsWith("/")) {
    problem(`entry ${index + 1}: no absolute path`);
    return undefined;
  }
  const say = (text: string) => problem(`${path}: ${text}`);
  try {
    const content = readSource(host, entry, budget, say) ?? fileContent(host, entry["content"], entry["encoding"], say);
    const { permissions } = entry;
    let mode = (permissions ?? null) === null ? defaultMode : fileMode(permissions);
    if (mode === undefined || mode < 0 || mode > 0o7777) {
      say("permissions that are none: 0644 taken");
      mode = defaultMode;
    } else if (typeof permissions === "number" && mode > 0o777 && /^[0-7]+$/.test(String(permissions)))
      say(`permissions ${permissions} without quotes are mode ${mode.toString(8)}`);
    const target = followLinks(host, path);
    host.makeDirectory(target.replace(/\/[^/]*$/, ""), 0o755);
    write(host, target, content, mode, isTrue(entry["append"]));
    return { path: target, mode, owner: asText(entry["owner"]) ?? "root:root" };
  } catch (error) {
    say((error as Error).message);
    return undefined;
  }
}

/** `source: {uri, headers}`; `content` is for when that cannot be had. */
function readSource(
  host: Host,
  entry: JsonObject,
  budget: Budget,
  say: (text: string) => void,
): Uint8Array | undefined {
  const source = asObject(entry["source"]);
  const uri = asText(source?.["uri"]);
  if (uri === undefined) return undefined;
  const headers = Object.entries(asObject(source?.["headers"]) ?? {}).map(([name, value]) => [name, String(value)]);
  try {
    return download(host, uri, { limitBytes: largestUnpackedBytes, budget, headers: Object.fromEntries(headers) });
  } catch (error) {
    if ((entry["content"] ?? null) === null) throw error;
    say(`${(error as Error).message}; content taken instead`);
    return undefined;
  }
}

/** Where writing to a path ends up. */
function followLinks(host: Host, path: string): string {
  let at = path.replace(/\/{2,}/g, "/");
  for (let links = 0; links < mostLinks; links++) {
    const target = host.readLink(at);
    if (target === undefined) return at;
    at = target.startsWith("/") ? target : `${at.replace(/\/[^/]*$/, "")}/${target}`;
  }
  throw new Error("links that lead nowhere");
}

function write(host: Host, path: string, content: Uint8Array, mode: number, appends: boolean): void {
  const before = host.attributes(path);
  if (before?.kind === "directory") throw new Error("is a directory");
  // What the kernel shows as files is written in place.
  const isInPlace = (before !== undefined && before.kind !== "file") || /^\/(proc|sys|dev)\//.test(path);
  if (before !== undefined && (appends || isInPlace)) {
    if (!host.append(path, content)) throw new Error("cannot be written");
  } else host.writeFile(path, content, mode & 0o777);
}
