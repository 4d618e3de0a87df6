import { planIso9660 } from "../build/filesystems/iso9660.ts";
import type { ByteSource } from "../core/byte-source.ts";
import { type ConfigFormat, formats } from "../guest-config/formats/formats.ts";
import type { InstanceConfig } from "../guest-config/model.ts";

export function findFormat(name: string): ConfigFormat {
  const format = formats.find((candidate) => candidate.name === name);
  if (format === undefined) throw new TypeError(`there is no format ${name}`);
  return format;
}

/** An instance's configuration as a config drive: the tree that guest-config makes, in the file system that build writes. */
export function configDriveSource(config: InstanceConfig): ByteSource {
  return formatSource(formats[0], config).source;
}

/** The same in the format of that name. */
export function driveInFormat(name: string, config: InstanceConfig): ByteSource {
  return formatSource(findFormat(name), config).source;
}

/** In any format: a drive, or the one file of a format that goes into the image. `fileName` is what it is usually called. */
export function formatSource(format: ConfigFormat, config: InstanceConfig): { source: ByteSource; fileName: string } {
  const epochSeconds = Math.floor(Date.now() / 1000);
  const tree = format.tree(config, epochSeconds);
  if (format.label !== undefined)
    return { source: planIso9660({ tree, label: format.label, epochSeconds }), fileName: `${format.name}.iso` };
  for (const [path, node] of tree.entries())
    if (node.type === "file") return { source: node.content, fileName: path.slice(path.lastIndexOf("/") + 1) };
  throw new TypeError(`the format ${format.name} has no file`);
}
