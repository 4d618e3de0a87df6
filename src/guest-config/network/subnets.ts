import { asText, asTexts, type JsonObject } from "../initializer/json-values.ts";
import type { InterfaceState } from "../network-state.ts";
import {
  bareInterface,
  type Finding,
  markOnLink,
  readAddress,
  readGateway,
  readMtu,
  readNameservers,
  readNumber,
  readObjects,
  readRoute,
  unique,
} from "./subnet.ts";

/** What subnets make of an interface. */
export type SubnetPart = Omit<InterfaceState, "kind">;

const methods: Readonly<Record<string, Partial<SubnetPart>>> = {
  dhcp: { dhcp4: true },
  dhcp4: { dhcp4: true },
  dhcp6: { dhcp6: "stateful" },
  "ipv6_dhcpv6-stateful": { dhcp6: "stateful" },
  "ipv6_dhcpv6-stateless": { dhcp6: "stateless", slaac: true },
  ipv6_slaac: { slaac: true },
  static: {},
  static4: {},
  static6: {},
  manual: {},
  loopback: {},
};

/**
 * A subnet of an interface as version 1 of network-config has it: `type`, `address`, `netmask`, `gateway`, `metric`, `mtu`, `routes`, `dns_nameservers`, `dns_search`, `control`. OpenStack's
 * networks are nearly the same.
 */
export function readSubnet(subnet: JsonObject, finding: Finding): SubnetPart {
  const type = asText(subnet["type"]) ?? "static";
  const method = Object.hasOwn(methods, type) ? methods[type] : undefined;
  if (method === undefined) finding.problems.push(`${finding.what} has a subnet of an unknown type: ${type}`);
  const address = /^static/.test(type) ? readAddress(subnet["address"], subnet["netmask"], finding) : undefined;
  const metric = readNumber(subnet["metric"], "metric", 2 ** 32 - 1, finding);
  const mtu = readMtu(subnet["mtu"], finding);
  const isV6 = address === undefined ? /6/.test(type) : address.includes(":");
  const overrides = metric === undefined ? undefined : { "route-metric": metric };
  const routes = (method === undefined ? [] : readObjects(subnet["routes"], "routes", finding)).flatMap((item) => {
    const route = readRoute(item, finding);
    const isInherited = route?.metric === undefined && metric !== undefined;
    return route === undefined ? [] : [isInherited ? { ...route, inheritedMetric: metric } : route];
  });
  return {
    ...bareInterface,
    ...method,
    ...(method?.dhcp4 ? { dhcp4Overrides: overrides } : {}),
    ...(method?.dhcp6 ? { dhcp6Overrides: overrides } : {}),
    ...(isV6 ? { subnetMtu6: mtu } : { subnetMtu: mtu }),
    isManual: subnet["control"] === "manual" ? true : undefined,
    addresses: address === undefined ? [] : [address],
    routes: [...(method === undefined ? [] : readGateway(subnet["gateway"], metric, finding)), ...routes],
    nameservers: readNameservers(subnet["dns_nameservers"], finding),
    search: asTexts(subnet["dns_search"]),
  };
}

/** All subnets of an interface together. */
export function combineSubnets(parts: readonly SubnetPart[]): SubnetPart {
  const last = <Key extends keyof SubnetPart>(key: Key) => parts.findLast((part) => part[key] !== undefined)?.[key];
  const addresses = unique(parts.flatMap((part) => part.addresses));
  return {
    dhcp4: parts.some(({ dhcp4 }) => dhcp4),
    dhcp6: last("dhcp6"),
    slaac: parts.some(({ slaac }) => slaac),
    dhcp4Overrides: last("dhcp4Overrides"),
    dhcp6Overrides: last("dhcp6Overrides"),
    subnetMtu: last("subnetMtu"),
    subnetMtu6: last("subnetMtu6"),
    isManual: last("isManual"),
    addresses,
    routes: markOnLink(
      parts.flatMap(({ routes }) => routes),
      addresses,
    ),
    nameservers: unique(parts.flatMap(({ nameservers }) => nameservers)),
    search: unique(parts.flatMap(({ search }) => search)),
  };
}
