import { decodeUtf8, encodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import { asObject, asText } from "../initializer/json-values.ts";
import { loadPart } from "../initializer/parts.ts";
import { type Part, typeByStart } from "./part.ts";

type ArchivePart = Omit<Part, "fileName"> & { readonly fileName: string | undefined };

/** What `#cloud-config-archive` holds: a YAML list of texts, or of mappings with `content`, `type` and `filename`. */
export function archiveParts(
  payload: Uint8Array,
  { host, problem }: { readonly host: Host; problem(text: string): void },
): ArchivePart[] {
  let entries: unknown;
  try {
    entries = loadPart(host, "yaml").parseYaml(decodeUtf8(payload));
  } catch (error) {
    problem(`#cloud-config-archive: ${(error as Error).message}`);
    return [];
  }
  if (entries === null) return [];
  if (!Array.isArray(entries)) {
    problem("#cloud-config-archive: is no list");
    return [];
  }
  return entries.flatMap((item: unknown, index) => {
    const entry = typeof item === "string" ? { content: item } : asObject(item);
    const content = entry === undefined ? undefined : contentOf(entry["content"] ?? "");
    if (entry === undefined || content === undefined) {
      problem(`#cloud-config-archive: entry ${index + 1} is neither a text nor a mapping with content`);
      return [];
    }
    const declared = asText(entry["type"])?.toLowerCase();
    const unnamed = entry["content"] instanceof Uint8Array ? "application/octet-stream" : "text/cloud-config";
    const contentType = declared ?? typeByStart(content) ?? unnamed;
    const mergeType = Object.entries(entry).find(([key]) => /^(x-)?merge-type$/i.test(key))?.[1];
    return [{ contentType, fileName: asText(entry["filename"]), mergeType: asText(mergeType), payload: content }];
  });
}

function contentOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  return typeof value === "object" && value !== null ? undefined : encodeUtf8(String(value));
}
