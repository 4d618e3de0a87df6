import { decodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import { startBudget } from "../initializer/http-retry.ts";
import { asObject, type JsonObject } from "../initializer/json-values.ts";
import { loadPart } from "../initializer/parts.ts";
import { download } from "./download.ts";
import { overlay } from "./merge.ts";
import type { Store } from "./store.ts";

const largestFileBytes = 1 << 20;
const urlLimitMs = 10_000;

/** What the image itself and the kernel's command line say: below vendor data and user data. */
export function systemConfig(host: Host, store: Store, problem: (text: string) => void): JsonObject {
  const directory = "/etc/cloud/cloud.cfg.d";
  const files = host.list(directory).filter((name) => name.endsWith(".cfg"));
  const paths = ["/etc/cloud/cloud.cfg", ...files.map((name) => `${directory}/${name}`)];
  const texts = paths.flatMap((path) => {
    const text = (host.attributes(path)?.sizeBytes ?? 0) > largestFileBytes ? undefined : host.readText(path);
    return text === undefined ? [] : [{ path, text }];
  });
  const commandLine = host.readText("/proc/cmdline")?.trim() ?? "";
  const inline = inlineConfig(commandLine);
  if (inline !== "") texts.push({ path: "cc: on the kernel command line", text: inline });
  const address = /(?:^|\s)(?:cloud-config-url|url)=(\S+)/.exec(commandLine)?.[1];
  const fetched = address === undefined ? undefined : fetchOnce(host, store, address, problem);
  if (fetched !== undefined) texts.push({ path: "the kernel command line's cloud-config-url", text: fetched });
  let config: JsonObject = {};
  for (const { path, text } of texts) {
    try {
      const document = loadPart(host, "yaml").parseYaml(text);
      if (document !== null && asObject(document) === undefined) throw new Error("is no mapping");
      config = overlay(config, document ?? {}) as JsonObject;
    } catch (error) {
      problem(`${path}: ${(error as Error).message}`);
    }
  }
  return config;
}

/** `cc: ssh_pwauth: true end_cc`, as often as it comes; `\n` stands for the end of a line, and %3A for a colon. */
function inlineConfig(commandLine: string): string {
  const pieces = [...commandLine.matchAll(/(?<!\S)cc:(.*?)(?:end_cc|$)/gs)];
  return pieces.map(([, text = ""]) => unescapeUrl(text.trimStart()).replaceAll("\\n", "\n")).join("\n");
}

function unescapeUrl(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Once for each instance. `url=` is used by others, too: what is no cloud-config is none of ours. */
function fetchOnce(host: Host, store: Store, address: string, problem: (text: string) => void): string | undefined {
  const name = "cmdline-config.txt";
  const known = host.readText(`${store.directory}/${name}`);
  if (known !== undefined) return known === "" ? undefined : known;
  try {
    const bytes = download(host, address, { limitBytes: largestFileBytes, budget: startBudget(host, urlLimitMs) });
    const text = decodeUtf8(bytes);
    const isConfig = text.startsWith("#cloud-config");
    store.write(name, isConfig ? text : "", 0o600);
    return isConfig ? text : undefined;
  } catch (error) {
    problem((error as Error).message);
    return undefined;
  }
}
