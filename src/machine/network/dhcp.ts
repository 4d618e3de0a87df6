import { bytes, struct, u8, u16, u32 } from "../../core/struct.ts";
import { netmask, parseIp, parsePrefix } from "./addresses.ts";
import { encodeNames } from "./dns-names.ts";

/** RFC 2131, section 2. */
const layout = struct("DHCP message", 240, "big", {
  operation: u8(0),
  hardwareType: u8(1),
  hardwareBytes: u8(2),
  transaction: u32(4),
  flags: u16(10),
  client: bytes(12, 4),
  yours: bytes(16, 4),
  server: bytes(20, 4),
  mac: bytes(28, 6),
  cookie: u32(236),
});
const cookie = 0x63825363;

/** RFC 2132, section 9.6. */
export const dhcpMessages = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;
export type DhcpMessage = keyof typeof dhcpMessages;

const optionCodes = {
  ...{ mask: 1, routers: 3, nameservers: 6, hostname: 12, domain: 15, mtu: 26, ntp: 42, address: 50, seconds: 51 },
  ...{ overload: 52, message: 53, server: 54, wanted: 55, search: 119, routes: 121 },
} as const;
const padding = 0;
const endOfOptions = 255;

export interface DhcpRequest {
  readonly message: DhcpMessage;
  readonly transaction: number;
  readonly broadcast: boolean;
  /** What it has already, 0.0.0.0 if nothing. */
  readonly client: Buffer;
  readonly mac: Buffer;
  readonly wantedAddress?: Buffer | undefined;
  readonly server?: Buffer | undefined;
  /** Codes of the options that it would like; empty: it does not say. */
  readonly wantedOptions: readonly number[];
}

/** What a guest is told along with its address. */
export interface DhcpLease {
  /** With prefix length: `10.0.2.15/24`. */
  readonly address: string;
  readonly seconds?: number;
  readonly routers?: readonly string[];
  readonly nameservers?: readonly string[];
  readonly hostname?: string;
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly mtu?: number;
  readonly ntp?: readonly string[];
  /** Option 121 (RFC 3442). */
  readonly routes?: readonly { readonly to: string; readonly via: string }[];
  /** Any others, by code. */
  readonly options?: Readonly<Record<number, Uint8Array>>;
}

/** Undefined if it is cut off, damaged, or not from a client on Ethernet. */
export function decodeDhcpRequest(message: Buffer): DhcpRequest | undefined {
  if (message.length < layout.size) return undefined;
  const fixed = layout.decode(message);
  if (fixed.operation !== 1 || fixed.hardwareType !== 1 || fixed.hardwareBytes !== 6 || fixed.cookie !== cookie)
    return undefined;
  const options = decodeOptions(message.subarray(layout.size));
  const type = options.get(optionCodes.message)?.[0];
  const name = Object.entries(dhcpMessages).find(([, number]) => number === type)?.[0];
  const address = (code: number) => {
    const value = options.get(code);
    return value?.length === 4 ? value : undefined;
  };
  if (name === undefined) return undefined;
  return {
    message: name as DhcpMessage,
    transaction: fixed.transaction,
    broadcast: fixed.flags >= 0x8000,
    client: Buffer.from(fixed.client),
    mac: Buffer.from(fixed.mac),
    wantedAddress: address(optionCodes.address),
    server: address(optionCodes.server),
    wantedOptions: [...(options.get(optionCodes.wanted) ?? [])],
  };
}

/** @param lease undefined for a NAK; its address is not given to one who only informs himself */
export function encodeDhcpReply(
  request: DhcpRequest,
  message: "offer" | "ack" | "nak",
  server: Buffer,
  lease: DhcpLease | undefined,
): Buffer {
  const informs = request.message === "inform";
  const yours = lease === undefined || informs ? undefined : parsePrefix(lease.address).address;
  const fixed = Buffer.from(
    layout.encode({
      ...{ operation: 2, hardwareType: 1, hardwareBytes: 6, cookie, transaction: request.transaction },
      ...{ flags: request.broadcast ? 0x8000 : 0, mac: request.mac, ...(yours && { yours }) },
      ...(message === "nak" ? {} : { client: request.client }),
    }),
  );
  const always: [number, Uint8Array][] = [
    [optionCodes.message, Buffer.from([dhcpMessages[message]])],
    [optionCodes.server, server],
  ];
  if (lease !== undefined && !informs) always.push([optionCodes.seconds, u32Bytes(lease.seconds ?? 3600)]);
  const asked = lease === undefined ? [] : leaseOptions(lease);
  const isWanted = ([code]: [number, Uint8Array]) =>
    request.wantedOptions.length === 0 || request.wantedOptions.includes(code);
  const options = [...always, ...asked.filter(isWanted)];
  // Long values go into several options of the same code (RFC 3396).
  const pieces = options.flatMap(([code, value]) =>
    Array.from({ length: Math.max(1, Math.ceil(value.length / 255)) }, (_, index) => {
      const part = value.subarray(index * 255, index * 255 + 255);
      return Buffer.concat([Buffer.from([code, part.length]), part]);
    }),
  );
  const whole = Buffer.concat([fixed, ...pieces, Buffer.from([endOfOptions])]);
  // BOOTP's least (RFC 1542, 2.1).
  return whole.length < 300 ? Buffer.concat([whole], 300) : whole;
}

function leaseOptions(lease: DhcpLease): [number, Uint8Array][] {
  const options: [number, Uint8Array | undefined][] = [
    [optionCodes.mask, netmask(parsePrefix(lease.address).length)],
    // RFC 3442: whoever takes the routes must not take the routers, and the routes come first.
    [optionCodes.routes, lease.routes && Buffer.concat(lease.routes.map(({ to, via }) => classlessRoute(to, via)))],
    [optionCodes.routers, addresses(lease.routers)],
    [optionCodes.nameservers, addresses(lease.nameservers)],
    [optionCodes.hostname, lease.hostname === undefined ? undefined : Buffer.from(lease.hostname)],
    [optionCodes.domain, lease.domain === undefined ? undefined : Buffer.from(lease.domain)],
    [optionCodes.mtu, lease.mtu === undefined ? undefined : Buffer.from([lease.mtu >> 8, lease.mtu & 255])],
    [optionCodes.ntp, addresses(lease.ntp)],
    [optionCodes.search, lease.search && encodeNames(lease.search)],
    ...Object.entries(lease.options ?? {}).map(([code, value]): [number, Uint8Array] => [Number(code), value]),
  ];
  return options.flatMap(([code, value]) => (value === undefined || value.length === 0 ? [] : [[code, value]]));
}

function classlessRoute(to: string, via: string): Buffer {
  const { address, length } = parsePrefix(to);
  return Buffer.concat([Buffer.from([length]), address.subarray(0, Math.ceil(length / 8)), parseIp(via)]);
}

function addresses(list: readonly string[] | undefined): Buffer | undefined {
  return list && Buffer.concat(list.map(parseIp));
}

function decodeOptions(area: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = 0; at < area.length; ) {
    const code = area[at++] as number;
    if (code === padding) continue;
    if (code === endOfOptions) break;
    const length = area[at++] ?? 0;
    options.set(code, Buffer.concat([options.get(code) ?? Buffer.alloc(0), area.subarray(at, at + length)]));
    at += length;
  }
  return options;
}

function u32Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
