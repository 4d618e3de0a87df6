import type { ByteSource } from "../../core/byte-source.ts";
import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import type { InstanceConfig } from "../../guest-config/model.ts";
import { chooseAcceleration } from "../../machine/acceleration.ts";
import type { DiskImage } from "../../machine/disk-image.ts";
import type { BootFrom } from "../../machine/disks.ts";
import { findQemu, type Obtain } from "../../machine/find-qemu.ts";
import { findFirmware } from "../../machine/firmware.ts";
import type { ForwardRequest, MachineRequest } from "../../machine/machine.ts";
import { firmwaresOf } from "../../profile/choices.ts";
import type { Firmware } from "../../profile/machine-words.ts";
import type { Profile } from "../../profile/schema.ts";
import { localNetworks } from "./networks.ts";

/** An instance of an image: what to start, on what disk, and what it is told. */
export interface LocalInstance {
  readonly profile: Profile;
  /** What it is started from, for people. */
  readonly image: string;
  readonly disk: DiskImage;
  readonly config: InstanceConfig;
  /** Undefined: it is told by other means, or nothing. */
  readonly configDrive: ByteSource | undefined;
  /** Default: as the profile's image boots. */
  readonly bootFrom?: BootFrom | undefined;
}

/**
 * The machine that a profile asks for on this host, with ssh and HTTP forwarded from loopback.
 *
 * Errors: `host/no-qemu`, `host/no-firmware`, `host/no-acceleration`, `image/unsupported` if the image does not boot by the firmware asked for, those of `obtain`.
 */
export async function machineRequest(
  { profile, image, disk, config, configDrive, bootFrom = defaultBoot(profile) }: LocalInstance,
  obtain: Obtain | undefined,
  context: Context,
): Promise<MachineRequest> {
  const { instance, provider, services } = profile;
  const { accel, sshPort, httpPort } = provider.local;
  const qemu = await findQemu({ arch: profile.image.arch, obtain, context });
  const firmware = await findFirmware({
    architecture: qemu.architecture,
    firmware: firmwareFor(profile, bootFrom),
    ...{ obtain, context },
  });
  const nics = localNetworks(config);
  const guestAddress = nics[0]?.guestAddress ?? "10.0.2.15";
  const forward = (name: string, port: number, guestPort: number): ForwardRequest => ({
    name,
    wish: { port },
    guestAddress,
    guestPort,
  });
  return {
    id: config.instanceId,
    image,
    qemu,
    acceleration: await chooseAcceleration(accel, qemu, context),
    firmware,
    bootFrom,
    disk,
    diskSizeBytes: instance.diskSize,
    configDrive,
    cpus: instance.cpus,
    memoryBytes: instance.memory,
    nics,
    forwards: [forward("ssh", sshPort, services.ssh.port), forward("http", httpPort, services.http.port)],
  };
}

function defaultBoot({ disk }: Profile): BootFrom {
  return disk.fileSystem === "iso9660" ? "cdrom" : "disk";
}

function firmwareFor(profile: Profile, bootFrom: BootFrom): Firmware {
  const asked = profile.instance.firmware;
  if (typeof bootFrom === "object") return asked ?? (profile.image.arch === "amd64" ? "bios" : "uefi");
  const [best, ...others] = firmwaresOf(profile);
  if (best === undefined)
    fail("image/unsupported", `cannot start ${profile.image.name}: it has no boot loader`, {
      hint: "choose another disk.partitionTable, or hand its kernel to the machine: cloudimg run IMAGE --kernel FILE --initrd FILE",
    });
  if (asked === undefined || asked === best || others.includes(asked)) return asked ?? best;
  fail(
    "image/unsupported",
    `cannot start ${profile.image.name} by ${asked}: it boots by ${[best, ...others].join(", ")}`,
    {
      hint: "change instance.firmware, or disk.partitionTable and boot.efi",
    },
  );
}
