import { bytes, struct, u8, u16 } from "../../core/struct.ts";

/** RFC 826, for Ethernet and IPv4. */
const layout = struct("ARP packet", 28, "big", {
  hardwareType: u16(0),
  protocolType: u16(2),
  hardwareBytes: u8(4),
  protocolBytes: u8(5),
  operation: u16(6),
  senderMac: bytes(8, 6),
  senderIp: bytes(14, 4),
  targetMac: bytes(18, 6),
  targetIp: bytes(24, 4),
});

export interface ArpPacket {
  readonly operation: "request" | "reply";
  readonly senderMac: Buffer;
  readonly senderIp: Buffer;
  readonly targetMac: Buffer;
  readonly targetIp: Buffer;
}

export function encodeArp({ operation, ...addresses }: ArpPacket): Buffer {
  const fixed = { hardwareType: 1, protocolType: 0x0800, hardwareBytes: 6, protocolBytes: 4 };
  return Buffer.from(layout.encode({ ...fixed, operation: operation === "request" ? 1 : 2, ...addresses }));
}

/** Undefined if it is cut off, or neither a request nor a reply for IPv4 on Ethernet. */
export function decodeArp(packet: Buffer): ArpPacket | undefined {
  if (packet.length < layout.size) return undefined;
  const { hardwareType, protocolType, hardwareBytes, protocolBytes, operation, ...rest } = layout.decode(packet);
  if (hardwareType !== 1 || protocolType !== 0x0800 || hardwareBytes !== 6 || protocolBytes !== 4) return undefined;
  if (operation !== 1 && operation !== 2) return undefined;
  return {
    operation: operation === 1 ? "request" : "reply",
    senderMac: Buffer.from(rest.senderMac),
    senderIp: Buffer.from(rest.senderIp),
    targetMac: Buffer.from(rest.targetMac),
    targetIp: Buffer.from(rest.targetIp),
  };
}
