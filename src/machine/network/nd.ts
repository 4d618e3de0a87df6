import { encodeNames } from "./dns-names.ts";
import type { IcmpMessage } from "./icmp.ts";

/** Neighbour discovery (RFC 4861): bodies of ICMPv6 messages. */
export const ndTypes = {
  routerSolicitation: 133,
  routerAdvertisement: 134,
  neighbourSolicitation: 135,
  neighbourAdvertisement: 136,
} as const;

/** Section 4.6, RFC 4191, RFC 8106. */
const optionTypes = { sourceMac: 1, targetMac: 2, prefix: 3, mtu: 5, nameservers: 25, search: 31 } as const;

export interface NeighbourMessage {
  readonly target: Buffer;
  /** The sender's own, or in an advertisement the target's. */
  readonly mac?: Buffer | undefined;
}

export function encodeNeighbourSolicitation({ target, mac }: NeighbourMessage): IcmpMessage {
  const body = Buffer.concat([Buffer.alloc(4), target, macOption(optionTypes.sourceMac, mac)]);
  return { type: ndTypes.neighbourSolicitation, code: 0, body };
}

/** From a router, as an answer unless the question came from nobody yet. */
export function encodeNeighbourAdvertisement({ target, mac }: NeighbourMessage, solicited: boolean): IcmpMessage {
  const flags = 0x80 | (solicited ? 0x40 : 0) | 0x20;
  const body = Buffer.concat([Buffer.from([flags, 0, 0, 0]), target, macOption(optionTypes.targetMac, mac)]);
  return { type: ndTypes.neighbourAdvertisement, code: 0, body };
}

/** Of a solicitation or advertisement. Undefined if it is cut off. */
export function decodeNeighbour({ type, body }: IcmpMessage): NeighbourMessage | undefined {
  if (body.length < 20) return undefined;
  const wanted = type === ndTypes.neighbourSolicitation ? optionTypes.sourceMac : optionTypes.targetMac;
  for (let at = 20; at + 8 <= body.length; at += (body[at + 1] as number) * 8) {
    if (body[at + 1] === 0) return undefined;
    if (body[at] === wanted) return { target: body.subarray(4, 20), mac: body.subarray(at + 2, at + 8) };
  }
  return { target: body.subarray(4, 20) };
}

export interface RouterAdvertisement {
  readonly mac: Buffer;
  /** Addresses come by DHCPv6 (M), or other things do (O). */
  readonly managed: boolean;
  readonly other: boolean;
  /** 0: it is no default router. */
  readonly lifetimeSeconds: number;
  readonly mtuBytes?: number | undefined;
  readonly prefixes: readonly AdvertisedPrefix[];
  readonly nameservers: readonly Buffer[];
  readonly search: readonly string[];
}

export interface AdvertisedPrefix {
  readonly network: Buffer;
  readonly length: number;
  readonly onLink: boolean;
  /** Hosts make themselves an address in it (SLAAC). */
  readonly autonomous: boolean;
  readonly validSeconds: number;
  readonly preferredSeconds: number;
}

/** Sections 4.2 and 4.6; RFC 8106 for the DNS. */
export function encodeRouterAdvertisement(advertisement: RouterAdvertisement): IcmpMessage {
  const { mac, managed, other, lifetimeSeconds, mtuBytes, prefixes, nameservers, search } = advertisement;
  const fixed = Buffer.alloc(12);
  fixed[0] = 64;
  fixed[1] = (managed ? 0x80 : 0) | (other ? 0x40 : 0);
  fixed.writeUInt16BE(lifetimeSeconds, 2);
  const pieces = [fixed, macOption(optionTypes.sourceMac, mac)];
  if (mtuBytes !== undefined) pieces.push(option(optionTypes.mtu, Buffer.from([0, 0, ...u32(mtuBytes)])));
  for (const prefix of prefixes) {
    const flags = (prefix.onLink ? 0x80 : 0) | (prefix.autonomous ? 0x40 : 0);
    const times = [...u32(prefix.validSeconds), ...u32(prefix.preferredSeconds), 0, 0, 0, 0];
    pieces.push(
      option(optionTypes.prefix, Buffer.concat([Buffer.from([prefix.length, flags, ...times]), prefix.network])),
    );
  }
  const lifetime = Buffer.from([0, 0, ...u32(Math.max(lifetimeSeconds, 60))]);
  if (nameservers.length > 0) pieces.push(option(optionTypes.nameservers, Buffer.concat([lifetime, ...nameservers])));
  if (search.length > 0) pieces.push(option(optionTypes.search, Buffer.concat([lifetime, encodeNames(search)])));
  return { type: ndTypes.routerAdvertisement, code: 0, body: Buffer.concat(pieces) };
}

function macOption(type: number, mac: Buffer | undefined): Buffer {
  return mac === undefined ? Buffer.alloc(0) : option(type, mac);
}

/** Type, length in units of 8 bytes, value, padding. */
function option(type: number, value: Buffer): Buffer {
  const units = Math.ceil((2 + value.length) / 8);
  return Buffer.concat([Buffer.from([type, units]), value], units * 8);
}

function u32(value: number): number[] {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
}
