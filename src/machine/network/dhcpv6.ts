import { parseIp } from "./addresses.ts";
import { encodeNames } from "./dns-names.ts";

/** RFC 9915 (before: 8415), section 7.3. */
export const dhcp6Messages = {
  ...{ solicit: 1, advertise: 2, request: 3, confirm: 4, renew: 5, rebind: 6, reply: 7 },
  ...{ release: 8, decline: 9, information: 11 },
} as const;
export type Dhcp6Message = keyof typeof dhcp6Messages;

/** Section 21; RFC 3646 for the DNS, RFC 5908 for the time. */
const optionCodes = {
  ...{ client: 1, server: 2, addresses: 3, address: 5, wanted: 6, status: 13, rapid: 14 },
  ...{ nameservers: 23, search: 24, ntp: 56 },
} as const;
const ntpServerAddress = 1;

export interface Dhcp6Request {
  readonly message: Dhcp6Message;
  readonly transaction: Buffer;
  readonly client: Buffer;
  readonly server?: Buffer | undefined;
  /** Identifiers of the sets of addresses (IA_NA) that it wants. */
  readonly associations: readonly Buffer[];
  readonly wantedOptions: readonly number[];
  /** It would take the address without being asked again. */
  readonly rapid: boolean;
}

export interface Dhcp6Lease {
  /** Without prefix length; absent: only the rest is told. */
  readonly address?: string | undefined;
  readonly preferredSeconds?: number;
  readonly validSeconds?: number;
  readonly nameservers?: readonly string[];
  readonly search?: readonly string[];
  readonly ntp?: readonly string[];
}

/** Undefined if it is cut off, or no client's. */
export function decodeDhcp6Request(message: Buffer): Dhcp6Request | undefined {
  const name = Object.entries(dhcp6Messages).find(([, type]) => type === message[0])?.[0];
  if (message.length < 4 || name === undefined) return undefined;
  const options: [number, Buffer][] = [];
  for (let at = 4; at + 4 <= message.length; ) {
    const end = at + 4 + message.readUInt16BE(at + 2);
    if (end > message.length) return undefined;
    options.push([message.readUInt16BE(at), message.subarray(at + 4, end)]);
    at = end;
  }
  const all = (code: number) => options.flatMap(([found, value]) => (found === code ? [value] : []));
  const wanted = all(optionCodes.wanted)[0] ?? Buffer.alloc(0);
  return {
    message: name as Dhcp6Message,
    transaction: message.subarray(1, 4),
    client: all(optionCodes.client)[0] ?? Buffer.alloc(0),
    server: all(optionCodes.server)[0],
    associations: all(optionCodes.addresses).flatMap((value) => (value.length >= 12 ? [value.subarray(0, 4)] : [])),
    wantedOptions: Array.from({ length: wanted.length >> 1 }, (_, index) => wanted.readUInt16BE(index * 2)),
    rapid: all(optionCodes.rapid).length > 0,
  };
}

export function encodeDhcp6Reply(
  request: Dhcp6Request,
  message: "advertise" | "reply",
  server: Buffer,
  lease: Dhcp6Lease,
): Buffer {
  const { preferredSeconds = 1800, validSeconds = 3600 } = lease;
  const pieces = [Buffer.from([dhcp6Messages[message]]), request.transaction];
  if (request.client.length > 0) pieces.push(option(optionCodes.client, request.client));
  pieces.push(option(optionCodes.server, server));
  if (request.rapid && request.message === "solicit" && message === "reply") pieces.push(option(optionCodes.rapid));
  for (const id of request.associations) {
    const inner =
      lease.address === undefined
        ? // NoAddrsAvail
          option(optionCodes.status, Buffer.from([0, 2]))
        : option(optionCodes.address, parseIp(lease.address), u32(preferredSeconds), u32(validSeconds));
    const [renewSeconds, rebindSeconds] = [preferredSeconds / 2, preferredSeconds * 0.8].map(Math.floor) as [
      number,
      number,
    ];
    pieces.push(option(optionCodes.addresses, id, u32(renewSeconds), u32(rebindSeconds), inner));
  }
  // An answer to one who only wants to know whether its address is still right, or who gives it back.
  if (["confirm", "release", "decline"].includes(request.message))
    pieces.push(option(optionCodes.status, Buffer.from([0, 0])));
  const rest: [number, Buffer | undefined][] = [
    [optionCodes.nameservers, lease.nameservers && Buffer.concat(lease.nameservers.map(parseIp))],
    [optionCodes.search, lease.search && encodeNames(lease.search)],
    [optionCodes.ntp, lease.ntp && Buffer.concat(lease.ntp.map((text) => option(ntpServerAddress, parseIp(text))))],
  ];
  for (const [code, value] of rest)
    if (value !== undefined && value.length > 0 && request.wantedOptions.includes(code))
      pieces.push(option(code, value));
  return Buffer.concat(pieces);
}

function option(code: number, ...values: readonly Buffer[]): Buffer {
  const value = Buffer.concat(values);
  return Buffer.concat([Buffer.from([code >> 8, code & 255, value.length >> 8, value.length & 255]), value]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
