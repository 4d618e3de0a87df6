import { parsePrefix } from "../ip.ts";
import type { InterfaceConfig, NetworkConfig } from "../model.ts";

/**
 * Debian's /etc/network/interfaces, for readers that know no other form. Its cards have names, no MAC addresses: here they are eth0, eth1, … in their order. Metrics and
 * routes beyond the default one are left to `ip`.
 */
export function debianInterfaces({ interfaces, nameservers, search }: NetworkConfig): string {
  const cards = interfaces.map((nic, index) => {
    const dns = {
      nameservers: [...nic.nameservers, ...(index === 0 ? nameservers : [])],
      search: [...nic.search, ...(index === 0 ? search : [])],
    };
    return stanzas(`eth${index}`, nic, dns);
  });
  return ["auto lo\niface lo inet loopback\n", ...cards].join("\n");
}

function stanzas(name: string, nic: InterfaceConfig, dns: { nameservers: string[]; search: string[] }): string {
  const families = nic.addresses.map((text) => (parsePrefix(text)?.address.family === 6 ? 6 : 4));
  const extra = [
    ...(nic.mtu === undefined ? [] : [`mtu ${nic.mtu}`]),
    ...(dns.nameservers.length === 0 ? [] : [`dns-nameservers ${dns.nameservers.join(" ")}`]),
    ...(dns.search.length === 0 ? [] : [`dns-search ${dns.search.join(" ")}`]),
  ];
  const routesOf = (family: 4 | 6) =>
    nic.routes
      .filter(({ to, via }) => via !== undefined && to.includes(":") === (family === 6))
      .map(({ to, via, metric }) =>
        /^(0\.0\.0\.0|::)\/0$/.test(to) && metric === undefined
          ? `gateway ${via}`
          : `post-up ip -${family} route add ${to} via ${via} dev ${name}${metric === undefined ? "" : ` metric ${metric}`} || true`,
      );
  const heads = [
    ...(nic.dhcp4 ? [{ head: "inet dhcp", family: 4 as const, own: [] }] : []),
    ...(nic.dhcp6 === true ? [{ head: "inet6 dhcp", family: 6 as const, own: [] }] : []),
    ...(nic.slaac === true ? [{ head: "inet6 auto", family: 6 as const, own: [] }] : []),
    ...nic.addresses.map((address, index) => {
      const family = families[index] as 4 | 6;
      return { head: `inet${family === 6 ? "6" : ""} static`, family, own: [`address ${address}`] };
    }),
  ];
  const bodies = heads.map(({ head, family, own }, index) => {
    const isFirst = heads.findIndex((other) => other.family === family) === index;
    const options = [...own, ...(isFirst ? routesOf(family) : []), ...(index === 0 ? extra : [])];
    return [`iface ${name} ${head}`, ...options.map((line) => `    ${line}`)].join("\n");
  });
  const all = bodies.length > 0 ? bodies : [`iface ${name} inet manual`];
  return `auto ${name}\n${all.join("\n")}\n`;
}
