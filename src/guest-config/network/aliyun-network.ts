import { asArray, asObject, asText, type JsonObject } from "../initializer/json-values.ts";
import type { InterfaceState, ParsedNetwork } from "../network-state.ts";
import { bareInterface } from "./subnet.ts";

/**
 * What Alibaba's metadata says of the network (`/meta-data/network`): which cards there are, and which of them have IPv6. They get their addresses by DHCP; of several, the
 * first is preferred by metric.
 *
 * @param tree the object `network` of the metadata
 * @param nicsByMac names of this machine's cards, by MAC address in lower case
 * @param fallbackNic the card to take if only one is to be configured
 * @param full all cards that the metadata knows, not only the first
 */
export function aliyunNetwork(
  tree: unknown,
  nicsByMac: Readonly<Record<string, string>>,
  fallbackNic: string | undefined,
  full: boolean,
): ParsedNetwork {
  const macs = asObject(asObject(asObject(tree)?.["interfaces"])?.["macs"]) ?? {};
  const known = Object.entries(macs).flatMap(([key, card]) => {
    const mac = key.toLowerCase().replace(/\/$/, "");
    const name = Object.hasOwn(nicsByMac, mac) ? nicsByMac[mac] : undefined;
    return name === undefined ? [] : [{ mac, name, card: asObject(card) ?? {} }];
  });
  known.sort((a, b) => naturally(a.name, b.name));
  const first = known.find(({ name }) => name === fallbackNic) ?? known[0];
  const cards = full || first === undefined ? known : [first];
  if (cards.length === 0) return { problems: [] };
  const interfaces = cards.map(({ mac, name, card }, index): InterfaceState => {
    const overrides = cards.length > 1 ? { "route-metric": 100 * (index + 1) } : undefined;
    const v6 = hasIpv6(card);
    return {
      ...bareInterface,
      kind: "physical",
      mac,
      name,
      dhcp4: true,
      dhcp4Overrides: overrides,
      ...(v6 ? { dhcp6: "stateful", dhcp6Overrides: overrides } : {}),
    };
  });
  return { network: { interfaces, nameservers: [], search: [] }, problems: [] };
}

/** The list is JSON or text, as `[2001:db8::7]`. */
function hasIpv6(card: JsonObject): boolean {
  const value = card["ipv6s"];
  return asArray(value).length > 0 || /[^[\]\s,]/.test(asText(value) ?? "");
}

/** `eth10` after `eth9`. */
function naturally(a: string, b: string): number {
  const pad = (text: string) => text.replace(/\d+/g, (digits) => digits.padStart(10, "0"));
  return pad(a) < pad(b) ? -1 : 1;
}
