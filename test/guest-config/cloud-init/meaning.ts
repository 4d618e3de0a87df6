import type { InstanceConfig, InterfaceConfig } from "../../../src/guest-config/model.ts";

/** What cloud-init's own code makes of a source: its network is its NetworkState. */
export interface Meaning {
  readonly instanceId: string;
  readonly hostname: string;
  readonly publicKeys: readonly string[];
  readonly userData: string | null;
  readonly network: {
    readonly interfaces: Readonly<Record<string, CloudInitInterface>>;
    readonly dns: { readonly nameservers: readonly string[]; readonly search: readonly string[] };
  } | null;
}

interface CloudInitInterface {
  readonly name: string;
  readonly mac_address: string;
  readonly mtu: number | null;
  readonly subnets: readonly {
    readonly type: string;
    readonly address?: string;
    readonly prefix?: number;
    readonly dns_nameservers?: readonly string[];
    readonly dns_search?: readonly string[];
    readonly gateway?: string;
    readonly routes?: readonly {
      readonly network: string;
      readonly prefix: number;
      readonly gateway?: string;
      readonly metric?: number;
    }[];
  }[];
  readonly dns?: { readonly nameservers: readonly string[]; readonly search: readonly string[] };
}

/** In a form in which the order of addresses, routes and servers, and the place where DNS stands, do not matter. */
export function meaningOf({ instanceId, hostname, publicKeys, userData, network }: Meaning) {
  const interfaces = Object.values(network?.interfaces ?? {}).filter(({ name }) => name !== "lo");
  return {
    instanceId,
    hostname,
    publicKeys,
    userData: userData || null,
    interfaces: interfaces.map(({ name, mac_address, mtu, subnets }) => ({
      name,
      mac: mac_address.toLowerCase(),
      mtu,
      dhcp4: subnets.some(({ type }) => type === "dhcp4" || type === "dhcp"),
      addresses: sorted(subnets.flatMap(({ address, prefix }) => (address ? [`${address}/${prefix}`] : []))),
      routes: sorted(
        subnets.flatMap(({ routes = [] }) =>
          routes.map((route) => describeRoute(`${route.network}/${route.prefix}`, route.gateway, route.metric)),
        ),
      ),
    })),
    nameservers: sorted([
      ...interfaces.flatMap(({ subnets, dns }) => [
        ...subnets.flatMap(({ dns_nameservers = [] }) => dns_nameservers),
        ...(dns?.nameservers ?? []),
      ]),
      ...(network?.dns.nameservers ?? []),
    ]),
  };
}

export function wantedMeaning({
  instanceId,
  hostname,
  authorizedKeys,
  defaultUser,
  network,
  userData,
}: InstanceConfig) {
  const { interfaces } = network;
  return {
    instanceId,
    hostname,
    publicKeys: authorizedKeys[defaultUser ?? "root"] ?? [],
    userData: userData || null,
    interfaces: interfaces.map((nic, index) => ({
      name: `eth${index}`,
      mac: nic.mac,
      mtu: nic.mtu ?? null,
      dhcp4: nic.dhcp4,
      addresses: sorted(nic.addresses),
      routes: sorted(routesOf(nic)),
    })),
    nameservers: sorted([...interfaces.flatMap(({ nameservers }) => nameservers), ...network.nameservers]),
  };
}

function routesOf({ routes }: InterfaceConfig): string[] {
  return routes.map(({ to, via, metric }) => describeRoute(to, via, metric));
}

function describeRoute(to: string, via: string | undefined, metric: number | undefined): string {
  return `${to} via ${via ?? "nothing"} metric ${metric ?? 0}`;
}

function sorted(list: readonly string[]): string[] {
  return [...new Set(list)].sort();
}
