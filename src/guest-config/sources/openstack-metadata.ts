import { defaultUserKey, otherKeysKey } from "../formats/meta-data.ts";
import { asArray, asObject, asText, parseJson } from "../initializer/json-values.ts";

export interface ParsedMetadata {
  readonly instanceId?: string | undefined;
  readonly hostname?: string | undefined;
  readonly defaultUser?: string | undefined;
  /** By user; what names no user is root's, or the default user's. */
  readonly authorizedKeys: Readonly<Record<string, readonly string[]>>;
  /** Base64. */
  readonly randomSeed?: string | undefined;
  readonly problems: readonly string[];
}

/** Reads OpenStack's meta_data.json. Members of the wrong type are reported and left out. */
export function parseMetadata(document: unknown): ParsedMetadata {
  const top = asObject(document);
  if (top === undefined) return { authorizedKeys: {}, problems: ["meta_data.json is not a JSON object"] };
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
  const defaultUser = asText(meta[defaultUserKey]);
  const keys = publicKeys(top["public_keys"]);
  const others = otherKeys(meta[otherKeysKey], problems);
  const user = defaultUser ?? "root";
  return {
    instanceId,
    hostname: text("hostname"),
    defaultUser,
    authorizedKeys: keys.length === 0 ? others : { ...others, [user]: [...keys, ...(others[user] ?? [])] },
    randomSeed: text("random_seed"),
    problems,
  };
}

/** An object of name to key, a list, or text; each text may hold several lines. */
export function publicKeys(value: unknown): string[] {
  if (typeof value === "string") return keyLines(value);
  const items = Array.isArray(value) ? value : Object.values(asObject(value) ?? {});
  return items.flatMap((item) => (typeof item === "string" ? keyLines(item) : asArray(item).flatMap(publicKeys)));
}

function keyLines(text: string): string[] {
  return text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

function otherKeys(value: unknown, problems: string[]): Record<string, string[]> {
  const text = asText(value);
  if (text === undefined) return {};
  try {
    const entries = Object.entries(asObject(parseJson(text)) ?? {});
    return Object.fromEntries(entries.map(([user, keys]) => [user, publicKeys(keys)]));
  } catch {
    problems.push(`meta_data.json: meta.${otherKeysKey} is not JSON`);
    return {};
  }
}
