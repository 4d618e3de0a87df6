import type { Context } from "../core/context.ts";
import { metadataResponder } from "../guest-config/formats/metadata-tree.ts";
import type { InstanceConfig } from "../guest-config/model.ts";
import type { MachineRequest } from "../machine/machine.ts";
import { startMetadataServer } from "../machine/metadata-server.ts";
import { startVirtualNetwork } from "../machine/network/virtual-network.ts";
import { type PlayedCloud, type PlayedCloudName, playedClouds } from "../providers/played-clouds.ts";
import { playedNetwork } from "../providers/played-network.ts";
import { findFormat, formatSource } from "./config-drive-source.ts";

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
  const cloud: PlayedCloud = playedClouds[name];
  const { config: told, options, addresses } = playedNetwork(cloud, config);
  const server = await startMetadataServer(metadataResponder(name, told, { addresses }), {}, signal);
  const endpoint = { host: "127.0.0.1", port: server.port };
  const services = Object.fromEntries(cloud.metadata.map((address) => [address, endpoint]));
  const network = await startVirtualNetwork({ ...options, services }, signal);
  const close = async () => {
    await network.close();
    await server.close();
  };
  try {
    const nics = await Promise.all(told.network.interfaces.map(({ mac }) => network.plug(mac)));
    const openPorts: Record<string, number> = {};
    const guest = addresses[0]?.address.split("/")[0];
    for (const { name: port, guestPort, wish } of guest === undefined ? [] : forwards)
      openPorts[port] = await network.forward(guest as string, guestPort, wish);
    const configDrive = cloud.drive && formatSource(findFormat(cloud.drive), told).source;
    return { changes: { smbios: cloud.smbios, configDrive, nics, forwards: [], openPorts }, close };
  } catch (error) {
    await close();
    throw error;
  }
}
