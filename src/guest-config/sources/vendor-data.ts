import { encodeUtf8 } from "../initializer/bytes.ts";
import { asObject } from "../initializer/json-values.ts";

/**
 * The documents in OpenStack's vendor_data.json or vendor_data2.json: text, a list of texts, or an object of which only `cloud-init` is ours, which is one of those two.
 */
export function parseVendorData(value: unknown, name: string, problems: string[]): Uint8Array[] {
  const object = asObject(value);
  const own = object === undefined ? value : object["cloud-init"];
  if (own === undefined || own === null || own === "") return [];
  if (typeof own === "string") return [encodeUtf8(own)];
  if (!Array.isArray(own)) {
    problems.push(`${name}: ${object === undefined ? "it" : "cloud-init"} is neither text nor a list`);
    return [];
  }
  return own.flatMap((item, index) => {
    if (typeof item === "string") return [encodeUtf8(item)];
    problems.push(`${name}: item ${index} is not text`);
    return [];
  });
}
