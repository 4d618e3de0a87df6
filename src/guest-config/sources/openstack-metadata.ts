import { defaultUserKey, otherKeysKey } from "../formats/meta-data.ts";
import { decodeBase64 } from "../initializer/bytes.ts";
import { asArray, asObject, asText, type JsonObject, parseJson } from "../initializer/json-values.ts";
import type { Instructions } from "./datasource.ts";
import { publicMetadata } from "./public-metadata.ts";

export interface ParsedMetadata extends Instructions {
  /** Where the contents of files are, and where they belong. */
  readonly fileReferences: readonly { readonly contentPath: string; readonly path: string }[];
  /** Where the network is in an old form, `network_config`. */
  readonly interfacesPath?: string | undefined;
  /** `meta.dsmode`: `pass`, `disabled`; others say nothing to us. */
  readonly mode?: string | undefined;
  readonly problems: readonly string[];
}

/** Reads OpenStack's meta_data.json. Members of the wrong type are reported and left out. `admin_pass` is not used, as in cloud-init. */
export function parseMetadata(document: unknown): ParsedMetadata {
  const top = asObject(document);
  if (top === undefined)
    return { authorizedKeys: {}, fileReferences: [], problems: ["meta_data.json is not a JSON object"] };
  const problems: string[] = [];
  const text = (key: string) => {
    const value = asText(top[key]);
    if (value === undefined && top[key] !== undefined && top[key] !== null && top[key] !== "")
      problems.push(`meta_data.json: ${key} is not text`);
    return value;
  };
  const instanceId = text("uuid");
  if (instanceId === undefined) problems.push("meta_data.json has no uuid");
  const meta = asObject(top["meta"]) ?? {};
  const seed = text("random_seed");
  const isSeedGood = seed === undefined || decodeBase64(seed) !== undefined;
  if (!isSeedGood) problems.push("meta_data.json: random_seed is no base64");
  return {
    instanceId,
    hostname: text("hostname")?.replace(/\.novalocal$/, ""),
    publicKeys: publicKeys(top["public_keys"]),
    defaultUser: asText(meta[defaultUserKey]),
    authorizedKeys: otherKeys(meta[otherKeysKey], problems),
    randomSeed: isSeedGood ? seed : undefined,
    fileReferences: fileReferences(top, problems),
    interfacesPath: asText(asObject(top["network_config"])?.["content_path"]),
    mode: asText(meta["dsmode"]) ?? asText(top["dsmode"]),
    metadata: publicMetadata(top),
    problems,
  };
}

function fileReferences(top: JsonObject, problems: string[]): ParsedMetadata["fileReferences"] {
  return asArray(top["files"]).flatMap((value) => {
    const contentPath = asText(asObject(value)?.["content_path"]);
    const path = asText(asObject(value)?.["path"]);
    if (contentPath !== undefined && path?.startsWith("/")) return [{ contentPath, path }];
    problems.push("meta_data.json: files has an entry without a content_path or an absolute path");
    return [];
  });
}

const mostKeys = 500;

/** Lines for authorized_keys: an object of name to key, a list, or text; each text may hold several lines. Alibaba has `openssh-key` within each. */
export function publicKeys(value: unknown): string[] {
  if (typeof value === "string") return keyLines(value);
  const items = Array.isArray(value) ? value : Object.values(asObject(value) ?? {});
  // Through the aliases of YAML a short document can have any number of them.
  return items.slice(0, mostKeys).flatMap((item) => {
    if (typeof item === "string") return keyLines(item);
    const inner = asObject(item)?.["openssh-key"] ?? item;
    const lines = Array.isArray(inner) ? inner.slice(0, mostKeys) : [inner];
    return lines.flatMap((line) => (typeof line === "string" ? keyLines(line) : []));
  });
}

function keyLines(text: string): string[] {
  return text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** Keys of further users, as cloudimg's generators write them: by user; OpenStack has them as JSON text. */
export function otherKeys(value: unknown, problems: string[]): Record<string, string[]> {
  const text = asText(value);
  try {
    const entries = Object.entries(asObject(text === undefined ? value : parseJson(text)) ?? {});
    return Object.fromEntries(entries.map(([user, keys]) => [user, publicKeys(keys)]));
  } catch {
    problems.push(`${otherKeysKey} is not JSON`);
    return {};
  }
}
