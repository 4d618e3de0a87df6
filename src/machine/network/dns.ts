import { isIPv4 } from "node:net";
import { parseIp } from "./addresses.ts";
import { decodeName } from "./dns-names.ts";

/** A question of DNS (RFC 1035, section 4). */
export interface DnsQuestion {
  readonly id: number;
  /** Lower case, without the dot at the end. */
  readonly name: string;
  /** 1: A, 28: AAAA. */
  readonly type: number;
  /** The question's own bytes, which the answer repeats. */
  readonly section: Buffer;
}

const dnsTypes = { a: 1, aaaa: 28 } as const;
const headerBytes = 12;
const noSuchName = 3;
const ttlSeconds = 60;

/** Undefined if it is no query, or cut off. Only the first question counts, as everywhere. */
export function decodeDnsQuery(message: Buffer): DnsQuestion | undefined {
  if (message.length < headerBytes || ((message[2] as number) & 0xf8) !== 0 || message.readUInt16BE(4) < 1)
    return undefined;
  const named = decodeName(message, headerBytes);
  if (named === undefined || named.end + 4 > message.length) return undefined;
  return {
    id: message.readUInt16BE(0),
    name: named.name.toLowerCase(),
    type: message.readUInt16BE(named.end),
    section: message.subarray(headerBytes, named.end + 4),
  };
}

/** @param addresses all that the name has, of both families; undefined: there is no such name */
export function encodeDnsAnswer({ id, type, section }: DnsQuestion, addresses: readonly string[] | undefined): Buffer {
  const wanted = (addresses ?? []).filter((address) => (isIPv4(address) ? dnsTypes.a : dnsTypes.aaaa) === type);
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16BE(id, 0);
  // An answer, with recursion asked for and to be had.
  header.writeUInt16BE(0x8180 | (addresses === undefined ? noSuchName : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(wanted.length, 6);
  const records = wanted.map((address) => {
    const bytes = parseIp(address);
    const record = Buffer.alloc(12);
    // The name: that of the question.
    record.writeUInt16BE(0xc000 | headerBytes, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttlSeconds, 6);
    record.writeUInt16BE(bytes.length, 10);
    return Buffer.concat([record, bytes]);
  });
  return Buffer.concat([header, section, ...records]);
}
