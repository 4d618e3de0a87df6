import type { ByteSource } from "../../core/byte-source.ts";
import type { Context } from "../../core/context.ts";
import type { InstanceConfig } from "../../guest-config/model.ts";
import { chooseAcceleration } from "../../machine/acceleration.ts";
import type { DiskImage } from "../../machine/disk-image.ts";
import { findQemu, type Obtain } from "../../machine/find-qemu.ts";
import type { ForwardRequest, MachineRequest } from "../../machine/machine.ts";
import type { Profile } from "../../profile/schema.ts";
import { localNetworks } from "./networks.ts";

/** An instance of an image: what to start, on what disk, and what it is told. */
export interface LocalInstance {
  readonly profile: Profile;
  /** What it is started from, for people. */
  readonly image: string;
  readonly disk: DiskImage;
  readonly config: InstanceConfig;
  readonly configDrive: ByteSource;
}

/**
 * The machine that a profile asks for on this host, with ssh and HTTP forwarded from loopback.
 *
 * Errors: `host/no-qemu`, `host/no-acceleration`, those of `obtain`.
 */
export async function machineRequest(
  { profile, image, disk, config, configDrive }: LocalInstance,
  obtain: Obtain | undefined,
  context: Context,
): Promise<MachineRequest> {
  const { instance, provider, services } = profile;
  const { accel, sshPort, httpPort } = provider.local;
  const qemu = await findQemu({ arch: profile.image.arch, obtain, context });
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
    disk,
    diskSizeBytes: instance.diskSize,
    configDrive,
    cpus: instance.cpus,
    memoryBytes: instance.memory,
    nics,
    forwards: [forward("ssh", sshPort, services.ssh.port), forward("http", httpPort, services.http.port)],
  };
}
