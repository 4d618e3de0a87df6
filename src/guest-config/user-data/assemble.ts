import { decodeUtf8, encodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import { asObject, type JsonObject, parseJson } from "../initializer/json-values.ts";
import { loadPart } from "../initializer/parts.ts";
import { fromByteString, toByteString } from "./byte-strings.ts";
import { applyPatch } from "./json-patch.ts";
import { mergeValues } from "./merge.ts";
import { replacing, takeRules } from "./merge-rules.ts";
import { type Part, unknownType } from "./part.ts";

/** What the parts of user data, or of vendor data, come to. */
export interface Assembled {
  readonly config: JsonObject;
  readonly scripts: readonly Script[];
}

export interface Script {
  /** `hook`: at once, at each boot. `user`: in the final stage, once for the instance; the others are in directories of their own. */
  readonly kind: "hook" | "user" | "per-boot" | "per-instance" | "per-once";
  /** Fit for a file. */
  readonly name: string;
  readonly content: Uint8Array;
}

const kindOfType: Readonly<Record<string, Script["kind"]>> = {
  "text/cloud-boothook": "hook",
  "text/x-shellscript": "user",
  "text/x-shellscript-per-boot": "per-boot",
  "text/x-shellscript-per-instance": "per-instance",
  "text/x-shellscript-per-once": "per-once",
};

const unsupported: Readonly<Record<string, string>> = {
  "text/jinja2": "templates are not supported (## template: jinja)",
  "text/part-handler": "part handlers are not supported",
  "text/upstart-job": "upstart jobs are not supported",
};

/** Each part has a limit of its own; an interpreted reader of YAML needs seconds for what all of them may be together. */
const largestYamlBytes = 2 << 20;

/** Puts parts together in their order. What cannot be used is reported, and the rest goes on. */
export function assemble(
  parts: readonly Part[],
  { host, problem }: { readonly host: Host; problem(text: string): void },
): Assembled {
  let config: JsonObject = {};
  const scripts: Script[] = [];
  let yamlBytes = 0;
  for (const part of parts) {
    const { contentType, fileName, payload } = part;
    const report = (text: string) => problem(`${fileName}: ${text}`);
    const kind = kindOfType[contentType];
    try {
      if (contentType === "text/cloud-config") yamlBytes += payload.length;
      if (contentType === "text/cloud-config" && yamlBytes > largestYamlBytes && yamlBytes > payload.length)
        report(`more than ${largestYamlBytes >> 20} MiB of cloud-config in all: not used`);
      else if (contentType === "text/cloud-config") config = mergeInto(config, host, part, report);
      else if (contentType === "text/cloud-config-jsonp") {
        const patch = decodeUtf8(payload).replace(/^\s*#cloud-config-jsonp/i, "");
        config = applyPatch(config, parseQuietly(patch));
      } else if (kind !== undefined)
        scripts.push({ kind, name: cleanName(fileName), content: scriptOf(payload, kind) });
      else if (payload.length > 0) report(unsupported[contentType] ?? describeUnhandled(contentType));
    } catch (error) {
      report((error as Error).message);
    }
  }
  return { config, scripts };
}

/** One cloud-config document into what is there already, by the rules that it brings. */
export function mergeDocument(
  config: JsonObject,
  document: unknown,
  header: string | undefined,
  problem: (text: string) => void,
): JsonObject {
  if (document === null) return config;
  const object = asObject(document);
  if (object === undefined) throw new Error("cloud-config is no mapping");
  const { merge_how, merge_type, ...plain } = object;
  try {
    const { rules, rest } = takeRules(object, header);
    const isWhole = rules.length === 0 || rules.some(({ type }) => type === "dict");
    if (!isWhole) problem("merge rules without dict(): keys are replaced");
    const complete = rules.length === 0 ? replacing : isWhole ? rules : [...rules, ...replacing];
    return mergeValues(config, rest, complete) as JsonObject;
  } catch (error) {
    problem(`${(error as Error).message}: keys are replaced`);
    return mergeValues(config, plain, replacing) as JsonObject;
  }
}

function mergeInto(config: JsonObject, host: Host, { payload, mergeType }: Part, report: (text: string) => void) {
  return mergeDocument(config, loadPart(host, "yaml").parseYaml(decodeUtf8(payload)), mergeType, report);
}

/** JSON's own errors quote what they stumble over, which may be a secret. */
function parseQuietly(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new Error("is no JSON");
  }
}

function describeUnhandled(contentType: string): string {
  if (contentType === unknownType) return "does not begin with #cloud-config, #! or the like: not used";
  return `type ${contentType.replace(/[^\w./+-]/g, "").slice(0, 60)} is not supported`;
}

/** A first line that ends as on Windows would name an interpreter that there is not. */
function scriptOf(payload: Uint8Array, kind: Script["kind"]): Uint8Array {
  let text = toByteString(payload);
  if (/^[^\n]*\r\n/.test(text)) text = text.replaceAll("\r\n", "\n");
  if (kind === "hook") text = text.replace(/^\s*#cloud-boothook\s*/i, "");
  return fromByteString(text);
}

/** As cloud-init makes names of files: without what has a meaning in a path or a shell. */
function cleanName(name: string): string {
  const clean = name.replaceAll("/", "_").replace(/[^\w.()-]/g, "");
  const short = clean.replace(/^\.+/, "").slice(0, 100);
  return short === "" ? "script" : short;
}

/** A document's bytes as they are saved: JSON, which is YAML. */
export function asCloudConfig(config: JsonObject): Uint8Array {
  return encodeUtf8(`#cloud-config\n${JSON.stringify(config, undefined, 1)}\n`);
}
