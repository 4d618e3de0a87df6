import { detect } from "../../../src/guest-config/sources/detect.ts";
import { readSigns } from "../../../src/guest-config/sources/signs.ts";
import type { FoundVolume } from "../../../src/guest-config/sources/volumes.ts";
import { memoryHost } from "./memory-host.ts";

interface Environment {
  readonly files: Readonly<Record<string, string>>;
  readonly block_devices: readonly Readonly<Record<string, string>>[];
  readonly policy_dmi?: string;
}

/** What we would find on the machine of a recorded case: cloud-init's names, in no order. */
export function detected(input: unknown): string[] {
  const { files, block_devices, policy_dmi } = input as Environment;
  const signs = readSigns(memoryHost(files));
  // ds-identify's own way to be told of a command line.
  const told = /^DI_KERNEL_CMDLINE="(.*)"$/m.exec(files["ds-identify-env"] ?? "")?.[1];
  const { local, network } = detect({
    ...signs,
    commandLine: told ?? signs.commandLine,
    volumes: block_devices.flatMap(volumeOf),
    settings: { ...signs.settings, policy: signs.settings.policy ?? policy_dmi },
  });
  return [...new Set([...local, ...network])].sort();
}

/** From what blkid prints. */
function volumeOf({ DEVNAME = "", TYPE, LABEL, LABEL_FATBOOT }: Readonly<Record<string, string>>): FoundVolume[] {
  if (TYPE !== "iso9660" && TYPE !== "vfat") return [];
  const labels = [LABEL, LABEL_FATBOOT].filter((label) => label !== undefined && label !== "") as string[];
  return [{ device: DEVNAME, fileSystem: TYPE, labels, isPartition: /[a-z]\d+$/.test(DEVNAME), open: () => undefined }];
}
