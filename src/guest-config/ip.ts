/**
 * Addresses and prefixes as text, in and out. Own code because the initializer runs where there is no `node:net`.
 * Text form of IPv6: RFC 5952.
 */
export interface IpAddress {
  readonly family: 4 | 6;
  /** 4 or 16 bytes, most significant first. */
  readonly bytes: readonly number[];
}

export function parseIp(text: string): IpAddress | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

export function formatIp({ family, bytes }: IpAddress): string {
  return family === 4 ? bytes.join(".") : formatIpv6(bytes);
}

function bitsOf(family: 4 | 6): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/**
 * The length that a netmask stands for: `255.255.255.0`, `ffff:ffff::`, or a number as text or number.
 * Undefined if it is no mask of this family, or has holes.
 */
export function parsePrefixLength(mask: string | number, family: 4 | 6): number | undefined {
  const text = String(mask).trim();
  if (/^\d{1,3}$/.test(text)) {
    const length = Number(text);
    return length <= bitsOf(family) ? length : undefined;
  }
  const address = parseIp(text);
  if (address?.family !== family) return undefined;
  const bits = address.bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? bits.lastIndexOf("1") + 1 : undefined;
}

/** The netmask of a length, in the family's own notation. */
export function formatNetmask(length: number, family: 4 | 6): string {
  return formatIp({ family, bytes: maskBytes(length, family) });
}

export interface IpPrefix {
  readonly address: IpAddress;
  readonly length: number;
}

/** `192.0.2.7/24` or `192.0.2.7/255.255.255.0`; without a length it is `defaultLength`, else that of one host. */
export function parsePrefix(text: string, defaultLength?: number): IpPrefix | undefined {
  const slash = text.indexOf("/");
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const length =
    slash < 0 ? (defaultLength ?? bitsOf(address.family)) : parsePrefixLength(text.slice(slash + 1), address.family);
  return length === undefined ? undefined : { address, length };
}

export function formatPrefix({ address, length }: IpPrefix): string {
  return `${formatIp(address)}/${length}`;
}

/** The network that a prefix lies in: its host bits cleared, as the kernel wants the destination of a route. */
export function networkOf({ address, length }: IpPrefix): IpPrefix {
  const mask = maskBytes(length, address.family);
  const bytes = address.bytes.map((byte, index) => byte & (mask[index] as number));
  return { address: { family: address.family, bytes }, length };
}

export function contains(prefix: IpPrefix, address: IpAddress): boolean {
  return (
    prefix.address.family === address.family &&
    formatPrefix(networkOf(prefix)) === formatPrefix(networkOf({ address, length: prefix.length }))
  );
}

function maskBytes(length: number, family: 4 | 6): number[] {
  return Array.from({ length: bitsOf(family) / 8 }, (_, index) => {
    const ones = Math.min(8, Math.max(0, length - index * 8));
    return (0xff00 >> ones) & 0xff;
  });
}

function parseIpv4(text: string): IpAddress | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const bytes = match?.slice(1).map(Number);
  return bytes?.every((byte) => byte <= 255) ? { family: 4, bytes } : undefined;
}

function parseIpv6(text: string): IpAddress | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(parseGroups);
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 16 ? { family: 6, bytes: head } : undefined;
  if (tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  return missing < 2 ? undefined : { family: 6, bytes: [...head, ...new Array<number>(missing).fill(0), ...tail] };
}

/** Groups of four hexadecimal digits; the last may be an IPv4 address (RFC 4291 section 2.2). */
function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (index === groups.length - 1 && group.includes(".")) {
      const embedded = parseIpv4(group);
      if (embedded === undefined) return undefined;
      bytes.push(...embedded.bytes);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

function formatIpv6(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, index) => {
    const value = ((bytes[index * 2] as number) << 8) | (bytes[index * 2 + 1] as number);
    return value.toString(16);
  });
  const { start, length } = longestZeroRun(groups);
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let index = 0; index <= groups.length; index++) {
    if (groups[index] === "0") continue;
    if (index - start > best.length) best = { start, length: index - start };
    start = index + 1;
  }
  return best;
}
