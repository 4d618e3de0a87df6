import type { ByteSource } from "../core/byte-source.ts";
import { metadataResponder } from "../guest-config/formats/metadata-tree.ts";
import type { InstanceConfig } from "../guest-config/model.ts";
import { startMetadataServer } from "../machine/metadata-server.ts";
import { startVirtualNetwork, type VirtualNetwork } from "../machine/network/virtual-network.ts";
import type { SocketNic } from "../machine/nics.ts";
import type { Smbios } from "../machine/smbios.ts";
import { type PlayedCloud, type PlayedCloudName, playedClouds } from "./played-clouds.ts";
import { type CardPlace, playedNetwork } from "./played-network.ts";
import type { Endpoint } from "./provider.ts";

export interface SurroundingsOptions {
  /** Makes the CD that the cloud attaches; the format is one of guest-config's. */
  readonly configDrive: (format: string, config: InstanceConfig) => ByteSource;
  /** Of the cards, where the cloud has given them. Default: in networks of this host's own choice. */
  readonly places?: readonly CardPlace[] | undefined;
  readonly region?: string | undefined;
  readonly zone?: string | undefined;
  /** Hosts that the instance reaches by plain HTTP, and where on this host they are. */
  readonly outside?: Readonly<Record<string, Endpoint>> | undefined;
}

/** What an instance of a cloud has around it: all that is not the machine itself. */
export interface Surroundings {
  readonly smbios: Smbios;
  readonly nics: readonly SocketNic[];
  readonly configDrive: ByteSource | undefined;
  readonly network: VirtualNetwork;
  /** Its first card's; undefined if it has none. */
  readonly address: string | undefined;
  /** Ends the network and the metadata service. Safe to call twice. */
  close(): Promise<void>;
}

/** TEST-NET-2 (RFC 5737): nobody else has them. */
const outsideNetwork = "198.51.100";

/** Plays a cloud around a machine that does not run yet: DMI, network, metadata service, CD. It ends when it is closed, or with the signal. */
export async function startSurroundings(
  name: PlayedCloudName,
  config: InstanceConfig,
  { configDrive, places, region, zone, outside = {} }: SurroundingsOptions,
  signal: AbortSignal,
): Promise<Surroundings> {
  const cloud: PlayedCloud = playedClouds[name];
  const { config: told, options, addresses } = playedNetwork(cloud, config, places);
  const server = await startMetadataServer(metadataResponder(name, told, { addresses, region, zone }), {}, signal);
  let network: VirtualNetwork | undefined;
  const close = async () => {
    await Promise.all([network?.close(), server.close()]);
  };
  try {
    const metadata = { host: "127.0.0.1", port: server.port };
    const hosts = Object.entries(outside).map(([host, endpoint], index) => {
      const address = `${outsideNetwork}.${index + 1}`;
      return { host, address, endpoint };
    });
    network = await startVirtualNetwork(
      {
        ...options,
        names: { ...options.names, ...Object.fromEntries(hosts.map(({ host, address }) => [host, [address]])) },
        services: Object.fromEntries([
          ...cloud.metadata.map((address) => [address, metadata]),
          ...hosts.map(({ address, endpoint }) => [`${address}:80`, endpoint]),
        ]),
      },
      signal,
    );
    const nics: SocketNic[] = [];
    for (const { mac } of told.network.interfaces) nics.push(await network.plug(mac));
    return {
      smbios: cloud.smbios,
      nics,
      configDrive: cloud.drive && configDrive(cloud.drive, told),
      network,
      address: addresses[0]?.address.split("/")[0],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
