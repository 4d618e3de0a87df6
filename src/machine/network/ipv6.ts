import type { IpPacket } from "./ip-packet.ts";

/** RFC 8200, section 3. */
const headerBytes = 40;
/** Hop-by-hop, routing and destination options: a length in units of 8 bytes, less the first. */
const extensions = new Set([0, 43, 60]);

export function encodeIpv6({ source, destination, protocol, hops, payload }: IpPacket): Buffer {
  const packet = Buffer.allocUnsafe(headerBytes + payload.length).fill(0, 0, headerBytes);
  packet[0] = 0x60;
  packet.writeUInt16BE(payload.length, 4);
  packet[6] = protocol;
  packet[7] = hops;
  source.copy(packet, 8);
  destination.copy(packet, 24);
  payload.copy(packet, headerBytes);
  return packet;
}

/** Undefined if it is cut off or a fragment. Extension headers (multicast listeners' reports have one) are left out. */
export function decodeIpv6(packet: Buffer): IpPacket | undefined {
  if (packet.length < headerBytes || (packet[0] as number) >> 4 !== 6) return undefined;
  const end = headerBytes + packet.readUInt16BE(4);
  if (end > packet.length) return undefined;
  let protocol = packet[6] as number;
  let at = headerBytes;
  while (extensions.has(protocol)) {
    if (at + 8 > end) return undefined;
    protocol = packet[at] as number;
    at += ((packet[at + 1] as number) + 1) * 8;
  }
  if (at > end) return undefined;
  return {
    source: packet.subarray(8, 24),
    destination: packet.subarray(24, 40),
    protocol,
    hops: packet[7] as number,
    payload: packet.subarray(at, end),
  };
}
