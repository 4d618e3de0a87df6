import type { Host } from "../initializer/host.ts";

/** What the image's own /etc/cloud says about sources, as far as it can be seen without reading YAML. */
export interface CloudSettings {
  /** Of `datasource_list: [ … ]` in one line; cloud-init's detection knows no other form. */
  readonly datasourceList?: readonly string[] | undefined;
  /** It holds NoCloud's data, or says where they are; `isRemote` if that is an URL. */
  readonly noCloud?: { readonly isRemote: boolean } | undefined;
  /** /etc/cloud/cloud-init.disabled */
  readonly isDisabled: boolean;
  /** Of /etc/cloud/ds-identify.cfg: `search,found=first`, `disabled`. */
  readonly policy?: string | undefined;
}

const directory = "/etc/cloud";
const largestText = 256 << 10;

/** cloud.cfg and what is in cloud.cfg.d, in the order in which later ones win. */
export function readCloudFiles(host: Host): { readonly path: string; readonly text: string }[] {
  const more = host.list(`${directory}/cloud.cfg.d`).filter((name) => name.endsWith(".cfg"));
  const paths = [`${directory}/cloud.cfg`, ...more.map((name) => `${directory}/cloud.cfg.d/${name}`)];
  return paths.flatMap((path) => {
    if ((host.attributes(path)?.sizeBytes ?? Infinity) > largestText) return [];
    const text = host.readText(path);
    return text === undefined ? [] : [{ path, text }];
  });
}

export function readCloudSettings(host: Host): CloudSettings {
  const text = readCloudFiles(host)
    .map((file) => file.text)
    .join("\n");
  const seedFrom = lineOf(text, "seedfrom");
  const hasSeed = seedFrom !== undefined || (has(text, "user-data") && has(text, "meta-data"));
  return {
    datasourceList: parseList(lineOf(text, "datasource_list")),
    noCloud: has(text, "NoCloud") && hasSeed ? { isRemote: /^["']?(?:https?|ftps?):/.test(seedFrom ?? "") } : undefined,
    isDisabled: host.attributes(`${directory}/cloud-init.disabled`) !== undefined,
    policy: lineOf(host.readText(`${directory}/ds-identify.cfg`) ?? "", "policy")?.trim(),
  };
}

/** What stands behind a key, wherever its line is; the last one. Comments do not count. */
function lineOf(text: string, key: string): string | undefined {
  const pattern = new RegExp(`^[ \\t]*(["']?)${key}\\1[ \\t]*:(?:[ \\t]+([^#\\n]*))?(?:#.*)?$`, "gm");
  let found: string | undefined;
  for (const match of text.matchAll(pattern)) found = (match[2] ?? "").trim();
  return found;
}

function has(text: string, key: string): boolean {
  return lineOf(text, key) !== undefined;
}

function parseList(text: string | undefined): string[] | undefined {
  const inside = /^\[(.*)\]$/.exec(text ?? "")?.[1];
  const names = inside?.split(",").map((word) => word.trim().replace(/^(["'])(.*)\1$/, "$2"));
  const list = names?.filter((name) => name !== "");
  return list?.length === 0 ? undefined : list;
}
