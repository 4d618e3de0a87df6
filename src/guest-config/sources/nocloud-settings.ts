import { encodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import { asObject, type JsonObject } from "../initializer/json-values.ts";
import { readCloudFiles } from "./cloud-settings.ts";
import { parseDocument } from "./documents.ts";
import type { NocloudSeed } from "./nocloud-seed.ts";

/** `datasource: NoCloud:` of the image's own /etc/cloud: `user-data` and `meta-data`, as text or mapping, or `seedfrom`. */
export function nocloudSettings(host: Host): NocloudSeed | undefined {
  const problems: string[] = [];
  let settings: JsonObject = {};
  for (const { path, text } of readCloudFiles(host)) {
    if (!text.includes("NoCloud")) continue;
    const top = asObject(parseDocument(host, text, path, problems)?.value);
    settings = { ...settings, ...asObject(asObject(top?.["datasource"])?.["NoCloud"]) };
  }
  return nocloudSettingsSeed(host, settings, problems);
}

/** Undefined if they say nothing of use. */
function nocloudSettingsSeed(host: Host, settings: JsonObject, problems: string[]): NocloudSeed | undefined {
  const { "meta-data": meta, "user-data": user, "vendor-data": vendor, "network-config": network, seedfrom } = settings;
  const hasDocuments = meta !== undefined && user !== undefined;
  if (!hasDocuments && seedfrom === undefined && problems.length === 0) return undefined;
  const metadata = typeof meta === "string" ? parseDocument(host, meta, "meta-data", problems)?.value : meta;
  const bytes = (value: unknown) => {
    if (value === undefined || value === null) return undefined;
    return encodeUtf8(typeof value === "string" ? value : JSON.stringify(value));
  };
  return {
    place: "/etc/cloud",
    metadata: { ...asObject(metadata), ...(seedfrom === undefined ? {} : { seedfrom }) },
    userData: hasDocuments ? bytes(user) : undefined,
    vendorData: bytes(vendor),
    networkConfig: bytes(network),
    problems,
  };
}
