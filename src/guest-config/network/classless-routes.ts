import { formatIp, formatPrefix, networkOf, parseIp, parsePrefix } from "../ip.ts";
import type { RouteConfig } from "../model.ts";

/**
 * DHCP's classless static routes (option 121, RFC 3442) in the notations that clients print them in: bytes in decimal with commas or in hexadecimal with colons (ISC dhclient; a semicolon may
 * follow), `24.192.0.2 198.51.100.1, …` (later ones of it), `192.0.2.0/24 198.51.100.1 …` (dhcpcd, udhcpc), or plain hexadecimal. What comes after something wrong is left out. A route without
 * `via` is on the wire.
 */
export function classlessRoutes(text: string): RouteConfig[] {
  const list = text.trim().replace(/;$/, "");
  if (/^\d+(,\d+)+$/.test(list)) return fromBytes(list.split(",").map(Number));
  if (/^[0-9a-f]{1,2}(:[0-9a-f]{1,2})+$/i.test(list))
    return fromBytes(list.split(":").map((digits) => Number.parseInt(digits, 16)));
  if (/^([0-9a-f]{2}){5,}$/i.test(list))
    return fromBytes((list.match(/../g) ?? []).map((digits) => Number.parseInt(digits, 16)));
  const words = list.split(/[\s,]+/).filter((word) => word !== "");
  const routes: RouteConfig[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    const route = fromWords(words[at] as string, words[at + 1] as string);
    if (route === undefined) break;
    routes.push(route);
  }
  return routes;
}

/** Each route: the prefix length, as many bytes of the destination as that needs, the gateway. */
function fromBytes(bytes: readonly number[]): RouteConfig[] {
  const routes: RouteConfig[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at] as number;
    const size = Math.ceil(length / 8);
    const route = bytes.slice(at + 1, at + 1 + size + 4);
    if (length > 32 || route.length < size + 4 || route.some((byte) => byte > 255)) break;
    const found = fromWords([length, ...route.slice(0, size)].join("."), route.slice(size).join("."));
    if (found !== undefined) routes.push(found);
    at += 1 + size + 4;
  }
  return routes;
}

function fromWords(target: string, gateway: string): RouteConfig | undefined {
  const via = parseIp(gateway);
  const to = target.includes("/") ? parsePrefix(target) : shortPrefix(target);
  if (to === undefined || via === undefined || to.address.family !== 4 || via.family !== 4) return undefined;
  const isWire = via.bytes.every((byte) => byte === 0);
  return { to: formatPrefix(networkOf(to)), ...(isWire ? {} : { via: formatIp(via) }) };
}

/** `24.192.0.2`: the length, then the bytes of the network without its host part. */
function shortPrefix(text: string) {
  const [length = "", ...bytes] = text.split(".");
  if (bytes.length > 4) return undefined;
  return parsePrefix(`${[...bytes, "0", "0", "0", "0"].slice(0, 4).join(".")}/${length}`);
}
