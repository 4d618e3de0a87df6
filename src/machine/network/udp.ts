import { checksum, pseudoHeader } from "./checksum.ts";
import { protocols } from "./ip-packet.ts";

/** RFC 768. */
export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Buffer;
}

const headerBytes = 8;

export function encodeUdp(
  { sourcePort, destinationPort, payload }: UdpDatagram,
  source: Buffer,
  destination: Buffer,
): Buffer {
  const datagram = Buffer.alloc(headerBytes + payload.length);
  datagram.writeUInt16BE(sourcePort, 0);
  datagram.writeUInt16BE(destinationPort, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  payload.copy(datagram, headerBytes);
  const sum = checksum(pseudoHeader(source, destination, protocols.udp, datagram.length), datagram);
  // Zero would say that there is none.
  datagram.writeUInt16BE(sum === 0 ? 0xffff : sum, 6);
  return datagram;
}

/** Undefined if it is cut off or damaged. */
export function decodeUdp(bytes: Buffer, source: Buffer, destination: Buffer): UdpDatagram | undefined {
  if (bytes.length < headerBytes) return undefined;
  const length = bytes.readUInt16BE(4);
  if (length < headerBytes || length > bytes.length) return undefined;
  const datagram = bytes.subarray(0, length);
  const isSummed = datagram.readUInt16BE(6) !== 0;
  if (isSummed && checksum(pseudoHeader(source, destination, protocols.udp, length), datagram) !== 0) return undefined;
  return {
    sourcePort: datagram.readUInt16BE(0),
    destinationPort: datagram.readUInt16BE(2),
    payload: datagram.subarray(headerBytes),
  };
}
