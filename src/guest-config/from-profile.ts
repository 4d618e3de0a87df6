import { deriveBytes } from "../core/seed.ts";
import type { Profile } from "../profile/schema.ts";
import type { InstanceConfig, InterfaceConfig, RouteConfig } from "./model.ts";

/**
 * What an instance of this profile is told.
 *
 * @param instanceId unique to the instance; MAC addresses that the profile leaves open derive from it
 * @param runKeys lines for authorized_keys of `instance.user`, besides those of the profile
 */
export function instanceConfig(profile: Profile, instanceId: string, runKeys: readonly string[]): InstanceConfig {
  const { instance } = profile;
  const authorizedKeys: Record<string, readonly string[]> = {};
  for (const { name, authorizedKeys: keys } of profile.users) if (keys.length > 0) authorizedKeys[name] = keys;
  authorizedKeys[instance.user] = [...(authorizedKeys[instance.user] ?? []), ...runKeys];
  return {
    instanceId,
    hostname: instance.hostname ?? profile.image.name,
    authorizedKeys,
    defaultUser: instance.user,
    network: {
      interfaces: instance.interfaces.map((nic, index) => interfaceConfig(nic, deriveMac(instanceId, index))),
      nameservers: [],
      search: [],
    },
    ...(instance.userData === undefined ? {} : { userData: instance.userData }),
  };
}

function interfaceConfig(nic: Profile["instance"]["interfaces"][number], defaultMac: string): InterfaceConfig {
  const routes: RouteConfig[] = nic.routes.map(({ to, via, metric }) => ({ to, via, metric }));
  if (nic.gateway !== undefined)
    routes.unshift({ to: nic.gateway.includes(":") ? "::/0" : "0.0.0.0/0", via: nic.gateway });
  return {
    mac: (nic.mac ?? defaultMac).toLowerCase(),
    dhcp4: nic.dhcp ?? nic.addresses.length === 0,
    mtu: nic.mtu,
    addresses: nic.addresses,
    routes,
    nameservers: nic.nameservers,
    search: nic.search,
  };
}

/** In QEMU's own range 52:54:00, which no real card has. */
function deriveMac(instanceId: string, index: number): string {
  const tail = [...deriveBytes(instanceId, `mac ${index}`, 3)].map((byte) => byte.toString(16).padStart(2, "0"));
  return ["52", "54", "00", ...tail].join(":");
}
