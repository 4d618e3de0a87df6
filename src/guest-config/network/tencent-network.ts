import { asObject, asText, type JsonObject } from "../initializer/json-values.ts";
import type { InterfaceState, ParsedNetwork } from "../network-state.ts";
import { bareInterface, first, markOnLink, readAddress, readGateway, readMac, unique } from "./subnet.ts";

/** Tencent's resolvers in every private network; the metadata does not name them. */
const nameservers = ["183.60.83.19", "183.60.82.98"];

/**
 * What Tencent's metadata says of the network (`/meta-data/network`): all addresses of all cards with mask and gateway, hence a static configuration
 * (`interfaces/macs/MAC/local-ipv4s/ADDRESS/{gateway,subnet-mask}`).
 *
 * @param tree the object `network` of the metadata; directories are objects
 * @param primaryMac of the card whose gateway is preferred; otherwise it is the first one's
 */
export function tencentNetwork(tree: unknown, primaryMac?: string): ParsedNetwork {
  const problems: string[] = [];
  const macs = entries(asObject(asObject(tree)?.["interfaces"])?.["macs"]);
  const primary = primaryMac?.toLowerCase();
  const cards = macs.flatMap(([key, value]) => {
    const card = asObject(value);
    const mac = readMac(key) ?? readMac(card?.["mac"]);
    if (mac === undefined || card === undefined) problems.push(`Tencent's metadata have a bad card: ${key}`);
    return mac === undefined || card === undefined ? [] : [{ mac, card }];
  });
  // Sorting is stable.
  cards.sort((a, b) => Number(b.mac === primary) - Number(a.mac === primary));
  const interfaces = cards.map(({ mac, card }, index) =>
    readCard(mac, card, index === 0 ? undefined : 100 * index, problems),
  );
  return interfaces.length === 0
    ? { problems }
    : {
        network: {
          interfaces,
          nameservers: interfaces.some(({ addresses }) => addresses.length > 0) ? nameservers : [],
          search: [],
        },
        problems,
      };
}

/** Of a directory, whose names may end in a slash. */
function entries(value: unknown): [string, unknown][] {
  return Object.entries(asObject(value) ?? {}).map(([key, item]) => [key.replace(/\/$/, ""), item]);
}

function readCard(mac: string, card: JsonObject, metric: number | undefined, problems: string[]): InterfaceState {
  const finding = { what: `Tencent's metadata: ${mac}`, problems };
  const main = asText(card["primary-local-ipv4"]);
  const list = entries(first(card, "local-ipv4s", "local-ipv4s/"));
  list.sort(([a], [b]) => Number(b === main) - Number(a === main));
  const addresses = list.flatMap(([ip, value]) => readAddress(ip, asObject(value)?.["subnet-mask"], finding) ?? []);
  const gateways = unique(list.flatMap(([, value]) => asText(asObject(value)?.["gateway"]) ?? []));
  return {
    ...bareInterface,
    kind: "physical",
    mac,
    // A card of which nothing else is known may still get an address from a server.
    dhcp4: addresses.length === 0,
    addresses,
    routes: markOnLink(readGateway(gateways[0], metric, finding), addresses),
  };
}
