import type { Context } from "../core/context.ts";
import type { InstanceConfig } from "../guest-config/model.ts";
import type { MachineRequest } from "../machine/machine.ts";
import type { PlayedCloudName } from "../providers/played-clouds.ts";
import { startSurroundings } from "../providers/surroundings.ts";
import { driveInFormat } from "./config-drive-source.ts";

/** What is around a machine that takes itself for one of a cloud. */
export interface CloudAround {
  /** What of the machine is different. */
  readonly changes: Pick<MachineRequest, "smbios" | "configDrive" | "nics" | "forwards" | "openPorts">;
  /** Ends the network and the metadata service. */
  close(): Promise<void>;
}

/**
 * Plays a cloud around a machine: its DMI, network, metadata service and CD; ssh and HTTP lead through that network.
 *
 * Errors: `host/port-in-use`.
 */
export async function playCloud(
  name: PlayedCloudName,
  config: InstanceConfig,
  { forwards }: Pick<MachineRequest, "forwards">,
  { signal }: Pick<Context, "signal">,
): Promise<CloudAround> {
  const around = await startSurroundings(name, config, { configDrive: driveInFormat }, signal);
  const { smbios, configDrive, nics, address, network, close } = around;
  try {
    const openPorts: Record<string, number> = {};
    for (const { name: port, guestPort, wish } of address === undefined ? [] : forwards)
      openPorts[port] = await network.forward(address as string, guestPort, wish);
    return { changes: { smbios, configDrive, nics, forwards: [], openPorts }, close };
  } catch (error) {
    await close();
    throw error;
  }
}
