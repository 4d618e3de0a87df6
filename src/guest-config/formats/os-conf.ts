import { formatIp, formatNetmask, parsePrefix } from "../ip.ts";
import type { InstanceConfig, InterfaceConfig } from "../model.ts";

/**
 * Tencent's `qcloud_action/os.conf`, for images without cloud-init (cloud.tencent.com/document/product/213/12849). It knows one IPv4 address and one gateway of each card.
 */
export function tencentOsConf(config: InstanceConfig): string {
  const cards = config.network.interfaces.flatMap((nic, index) => {
    const { address, netmask, gateway } = ipv4Of(nic);
    return lines(`eth${index}`, {
      ip_addr: address,
      mac_addr: nic.mac.toUpperCase(),
      netmask,
      gateway,
    });
  });
  return [
    `hostname=${config.hostname}`,
    ...(config.passwordHash === undefined ? [] : [`password=${config.passwordHash}`]),
    ...cards,
    ...dnsLine(config),
    "",
  ].join("\n");
}

/**
 * Alibaba's `aliyun_custom_image/os.conf`, which its service writes into the first partition of an image that says it is "Customized Linux"
 * (help.aliyun.com/document_detail/25467.html). Routes are pairs of destination and gateway; the default route is one of them.
 */
export function alibabaOsConf(config: InstanceConfig): string {
  const cards = config.network.interfaces.flatMap((nic, index) => {
    const { address, netmask, gateway } = ipv4Of(nic);
    const routes = nic.routes.filter(({ to, via }) => via !== undefined && !to.includes(":"));
    return lines(`eth${index}`, {
      bootproto: address === undefined ? "dhcp" : "static",
      mac_addr: nic.mac,
      ip_addr: address,
      netmask,
      gateway,
      route: routes.map(({ to, via }) => `${to} ${via}`).join(";") || undefined,
    });
  });
  return [`hostname=${config.hostname}`, ...cards, ...dnsLine(config), ""].join("\n");
}

function lines(card: string, values: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [`${card}_${key}=${value}`]));
}

function ipv4Of({ addresses, routes }: InterfaceConfig) {
  const prefix = addresses.map((text) => parsePrefix(text)).find((parsed) => parsed?.address.family === 4);
  return {
    address: prefix && formatIp(prefix.address),
    netmask: prefix && formatNetmask(prefix.length, 4),
    gateway: routes.find(({ to }) => to === "0.0.0.0/0")?.via,
  };
}

function dnsLine({ network }: InstanceConfig): string[] {
  const servers = [...network.nameservers, ...network.interfaces.flatMap(({ nameservers }) => nameservers)];
  return servers.length === 0 ? [] : [`dns_nameserver="${[...new Set(servers)].join(" ")}"`];
}
