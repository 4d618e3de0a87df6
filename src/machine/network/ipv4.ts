import { checksum } from "./checksum.ts";
import type { IpPacket } from "./ip-packet.ts";

/** RFC 791, section 3.1. */
const headerBytes = 20;
const dontFragment = 0x4000;

export function encodeIpv4({ source, destination, protocol, hops, payload }: IpPacket): Buffer {
  const packet = Buffer.allocUnsafe(headerBytes + payload.length).fill(0, 0, headerBytes);
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length, 2);
  packet.writeUInt16BE(dontFragment, 6);
  packet[8] = hops;
  packet[9] = protocol;
  source.copy(packet, 12);
  destination.copy(packet, 16);
  packet.writeUInt16BE(checksum(packet.subarray(0, headerBytes)), 10);
  payload.copy(packet, headerBytes);
  return packet;
}

/** Undefined if it is cut off, damaged, or a fragment: nobody has reason to make any here. Options are left out. */
export function decodeIpv4(packet: Buffer): IpPacket | undefined {
  if (packet.length < headerBytes || (packet[0] as number) >> 4 !== 4) return undefined;
  const header = ((packet[0] as number) & 15) * 4;
  const total = packet.readUInt16BE(2);
  if (header < headerBytes || total < header || total > packet.length) return undefined;
  if ((packet.readUInt16BE(6) & 0x3fff) !== 0 || checksum(packet.subarray(0, header)) !== 0) return undefined;
  return {
    source: packet.subarray(12, 16),
    destination: packet.subarray(16, 20),
    protocol: packet[9] as number,
    hops: packet[8] as number,
    payload: packet.subarray(header, total),
  };
}
