import { asText, type JsonObject } from "../initializer/json-values.ts";

/** Names that stand for a device of the cloud, which a source or `device_aliases` must explain. */
const metaName = /^(ami|root|swap|ephemeral\d+|ebs\d+)$/;
/** Names of disks and partitions without /dev/. */
const shortName = /^(x?[shv]d[a-z]+\d*|sr\d+|nvme\d+n\d+(p\d+)?|mmcblk\d+(p\d+)?)$/;

/**
 * What cloud-config calls a device, as mount(8) takes it: `vdb1` is /dev/vdb1; `UUID=…`, `host:/path` and `tmpfs` are themselves; an alias is what it stands for. Undefined for a
 * name of the cloud's that stands for nothing here, such as `ephemeral0`.
 */
export function deviceOf(text: string, aliases: JsonObject): string | undefined {
  const [, name = text, partition = ""] = text.match(/^(\w+?)\.(\d+)$/) ?? [];
  const alias = Object.hasOwn(aliases, name) ? asText(aliases[name]) : undefined;
  if (alias !== undefined) return partition === "" ? absolute(alias) : partitionPath(absolute(alias), partition);
  return metaName.test(name) ? undefined : absolute(text);
}

function absolute(name: string): string {
  return shortName.test(name) ? `/dev/${name}` : name;
}

/** `/dev/vdb` and 1: /dev/vdb1; a disk whose name ends in a digit has a `p` before the number. */
function partitionPath(disk: string, number: string | number): string {
  return `${disk}${/\d$/.test(disk) ? "p" : ""}${number}`;
}
