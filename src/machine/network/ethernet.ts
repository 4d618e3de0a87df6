/** An Ethernet II frame, without its checksum (IEEE 802.3, clause 3). */
export interface EthernetFrame {
  readonly destination: Buffer;
  readonly source: Buffer;
  readonly type: number;
  readonly payload: Buffer;
}

export const etherTypes = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
export const broadcastMac = Buffer.alloc(6, 0xff);

const headerBytes = 14;

export function encodeEthernet({ destination, source, type, payload }: EthernetFrame): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  destination.copy(frame, 0);
  source.copy(frame, 6);
  frame.writeUInt16BE(type, 12);
  payload.copy(frame, headerBytes);
  return frame;
}

/** Undefined if it is too short. */
export function decodeEthernet(frame: Buffer): EthernetFrame | undefined {
  if (frame.length < headerBytes) return undefined;
  return {
    destination: frame.subarray(0, 6),
    source: frame.subarray(6, 12),
    type: frame.readUInt16BE(12),
    payload: frame.subarray(headerBytes),
  };
}
