import { isIPv4, isIPv6 } from "node:net";

/** Addresses of IPv4 (4 bytes) and IPv6 (16 bytes), and MAC addresses, as bytes and as text. Text of IPv6: RFC 5952. */
export function parseIp(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  const [address = ""] = text.split("%");
  if (!isIPv6(address)) throw new RangeError(`${text} is not an IP address`);
  const dotted = /[^:]*\.[^:]*$/.exec(address)?.[0];
  const tail = dotted === undefined ? [] : [...parseIp(dotted)];
  const groups = dotted === undefined ? address : address.slice(0, -dotted.length).replace(/([^:]):$/, "$1");
  const [before = "", after] = groups.split("::");
  const bytes = (part: string) =>
    part.split(":").flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return group === "" ? [] : [value >> 8, value & 255];
    });
  const front = bytes(before);
  const back = [...bytes(after ?? ""), ...tail];
  return Buffer.from([...front, ...Array<number>(16 - front.length - back.length).fill(0), ...back]);
}

export function formatIp(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  const runs = [...groups.join(":").matchAll(/\b0(?::0)+\b/g)].map(([run]) => run);
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  const text = groups.join(":");
  if (longest === "") return text;
  const at = text.search(new RegExp(`\\b${longest}\\b`));
  return `${text.slice(0, at).replace(/:$/, "")}::${text.slice(at + longest.length).replace(/^:/, "")}`;
}

/** The usual text of an address, however it was written. */
export function canonicalIp(text: string): string {
  return formatIp(parseIp(text));
}

export interface Prefix {
  readonly address: Buffer;
  readonly length: number;
}

/** `192.0.2.7/24`, `2001:db8::/64`; without a length, that of one host. */
export function parsePrefix(text: string): Prefix {
  const [host = "", bits] = text.split("/");
  const address = parseIp(host);
  const length = bits === undefined ? address.length * 8 : Number(bits);
  if (!Number.isInteger(length) || length < 0 || length > address.length * 8)
    throw new RangeError(`${text} has no prefix length`);
  return { address, length };
}

export function contains({ address, length }: Prefix, other: Buffer): boolean {
  if (other.length !== address.length) return false;
  const whole = length >> 3;
  if (address.compare(other, 0, whole, 0, whole) !== 0) return false;
  const rest = length & 7;
  return rest === 0 || ((address[whole] as number) ^ (other[whole] as number)) >> (8 - rest) === 0;
}

export function netmask(length: number): Buffer {
  const mask = Buffer.alloc(4);
  mask.writeUInt32BE(length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0);
  return mask;
}

/** The address that lies `count` after another. */
export function addressAfter(address: Buffer, count: number): Buffer {
  const next = Buffer.from(address);
  let carry = count;
  for (let at = next.length - 1; carry > 0 && at >= 0; at--) {
    carry += next[at] as number;
    next[at] = carry & 255;
    carry >>= 8;
  }
  return next;
}

export function parseMac(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll(":", ""), "hex");
  if (bytes.length !== 6) throw new RangeError(`${text} is not a MAC address`);
  return bytes;
}

export function formatMac(bytes: Buffer): string {
  return bytes.toString("hex").replace(/..(?=.)/g, "$&:");
}

export function isMulticastMac(bytes: Buffer): boolean {
  return ((bytes[0] as number) & 1) === 1;
}

/** The address that a card has by itself as soon as it is up: fe80::/64 with its MAC in it (RFC 4291, appendix A). */
export function linkLocalOf(mac: string): string {
  const bytes = parseMac(mac);
  const id = [(bytes[0] as number) ^ 2, bytes[1], bytes[2], 0xff, 0xfe, bytes[3], bytes[4], bytes[5]];
  return formatIp(Buffer.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...(id as number[])]));
}

export function isLinkLocal(address: Buffer): boolean {
  return address.length === 16 && address[0] === 0xfe && ((address[1] as number) & 0xc0) === 0x80;
}

/** 224.0.0.0/4, 255.255.255.255, ff00::/8. */
export function isMulticast(address: Buffer): boolean {
  return address.length === 4 ? (address[0] as number) >= 224 : address[0] === 0xff;
}

/** Where neighbours of an address are asked for it (RFC 4291, 2.7.1). */
export function solicitedNode(address: Buffer): Buffer {
  return Buffer.concat([parseIp("ff02::1:ff00:0").subarray(0, 13), address.subarray(13)]);
}

/** RFC 2464, section 7. */
export function multicastMac(address: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x33, 0x33]), address.subarray(12)]);
}
