import { decodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import { parseJson } from "../initializer/json-values.ts";
import { loadPart } from "../initializer/parts.ts";
import { firstLine } from "./first-line.ts";
import { dateText } from "./public-metadata.ts";

/**
 * A document that is YAML, or JSON, which most machines write and which needs no parser of YAML. Undefined if it is neither, which is reported with its name.
 */
export function parseDocument(
  host: Host,
  content: Uint8Array | string,
  name: string,
  problems: string[],
): { readonly value: unknown } | undefined {
  const text = typeof content === "string" ? content : decodeUtf8(content);
  try {
    if (text.trim() === "") return { value: undefined };
    if (/^\uFEFF?\s*[[{]/.test(text)) {
      try {
        return { value: parseJson(text) };
      } catch {
        // YAML has these brackets too.
      }
    }
    return { value: loadPart(host, "yaml").parseYaml(text.replace(/^\uFEFF/, "")) };
  } catch (error) {
    problems.push(`${name} is no YAML: ${firstLine((error as Error).message)}`);
    return undefined;
  }
}

/** YAML takes unquoted numbers and dates for what they look like; their author meant the text. */
export function scalarText(value: unknown): string | undefined {
  if (value instanceof Date) return dateText(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}
