import { checksum, pseudoHeader } from "./checksum.ts";
import { protocols } from "./ip-packet.ts";

/** A message of ICMP (RFC 792) or ICMPv6 (RFC 4443); the body is all that follows the checksum. */
export interface IcmpMessage {
  readonly type: number;
  readonly code: number;
  readonly body: Buffer;
}

export const icmp4 = { echoReply: 0, unreachable: 3, echoRequest: 8 } as const;
export const icmp6 = { unreachable: 1, echoRequest: 128, echoReply: 129 } as const;
/** Codes of `unreachable`. */
export const unreachable4 = { net: 0, port: 3 } as const;
export const unreachable6 = { noRoute: 0, port: 4 } as const;

const headerBytes = 4;

/** The addresses decide which of the two it is: ICMPv6 covers them with its checksum. */
export function encodeIcmp({ type, code, body }: IcmpMessage, source: Buffer, destination: Buffer): Buffer {
  const message = Buffer.alloc(headerBytes + body.length);
  message[0] = type;
  message[1] = code;
  body.copy(message, headerBytes);
  message.writeUInt16BE(sumOf(message, source, destination), 2);
  return message;
}

/** Undefined if it is cut off or damaged. */
export function decodeIcmp(message: Buffer, source: Buffer, destination: Buffer): IcmpMessage | undefined {
  if (message.length < headerBytes || sumOf(message, source, destination) !== 0) return undefined;
  return { type: message[0] as number, code: message[1] as number, body: message.subarray(headerBytes) };
}

/** The body that tells a sender which of its packets could not be delivered: four unused bytes, its header and first bytes. */
export function undelivered(packet: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(4), packet.subarray(0, 512)]);
}

function sumOf(message: Buffer, source: Buffer, destination: Buffer): number {
  if (source.length === 4) return checksum(message);
  return checksum(pseudoHeader(source, destination, protocols.icmpv6, message.length), message);
}
