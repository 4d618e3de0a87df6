import { checksum, pseudoHeader } from "./checksum.ts";
import { protocols } from "./ip-packet.ts";

/** RFC 9293, section 3.1; RFC 7323, section 2.2 for the window scale. */
export interface TcpSegment {
  readonly sequence: number;
  /** Undefined: it acknowledges nothing. */
  readonly acknowledged?: number | undefined;
  readonly syn?: boolean | undefined;
  readonly fin?: boolean | undefined;
  readonly rst?: boolean | undefined;
  /** As it is in the header: not scaled. */
  readonly window: number;
  /** Options of a SYN. */
  readonly largestSegmentBytes?: number | undefined;
  readonly windowScale?: number | undefined;
  readonly payload: Buffer;
}

export interface TcpPorts {
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export const noBytes = Buffer.alloc(0);

const headerBytes = 20;
const flagBits = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;
const optionKinds = { end: 0, nothing: 1, largestSegment: 2, windowScale: 3 } as const;

export function encodeTcp(
  { sequence, acknowledged, syn, fin, rst, window, largestSegmentBytes, windowScale, payload }: TcpSegment,
  { sourcePort, destinationPort }: TcpPorts,
  source: Buffer,
  destination: Buffer,
): Buffer {
  const header = headerBytes + (largestSegmentBytes === undefined ? 0 : 4) + (windowScale === undefined ? 0 : 4);
  const segment = Buffer.allocUnsafe(header + payload.length).fill(0, 0, header);
  segment.writeUInt16BE(sourcePort, 0);
  segment.writeUInt16BE(destinationPort, 2);
  segment.writeUInt32BE(sequence, 4);
  segment.writeUInt32BE(acknowledged ?? 0, 8);
  segment[12] = (header / 4) << 4;
  segment[13] =
    (fin ? flagBits.fin : 0) |
    (syn ? flagBits.syn : 0) |
    (rst ? flagBits.rst : 0) |
    (payload.length > 0 ? flagBits.psh : 0) |
    (acknowledged === undefined ? 0 : flagBits.ack);
  segment.writeUInt16BE(window, 14);
  let at = headerBytes;
  if (largestSegmentBytes !== undefined) {
    segment.set([optionKinds.largestSegment, 4, largestSegmentBytes >> 8, largestSegmentBytes & 255], at);
    at += 4;
  }
  if (windowScale !== undefined) segment.set([optionKinds.nothing, optionKinds.windowScale, 3, windowScale], at);
  payload.copy(segment, header);
  segment.writeUInt16BE(checksum(pseudoHeader(source, destination, protocols.tcp, segment.length), segment), 16);
  return segment;
}

/** Undefined if it is cut off or damaged. */
export function decodeTcp(
  bytes: Buffer,
  source: Buffer,
  destination: Buffer,
): { readonly segment: TcpSegment; readonly ports: TcpPorts } | undefined {
  if (bytes.length < headerBytes) return undefined;
  const header = ((bytes[12] as number) >> 4) * 4;
  if (header < headerBytes || header > bytes.length) return undefined;
  if (checksum(pseudoHeader(source, destination, protocols.tcp, bytes.length), bytes) !== 0) return undefined;
  const flags = bytes[13] as number;
  const has = (bit: number) => (flags & bit) !== 0;
  return {
    ports: { sourcePort: bytes.readUInt16BE(0), destinationPort: bytes.readUInt16BE(2) },
    segment: {
      sequence: bytes.readUInt32BE(4),
      acknowledged: has(flagBits.ack) ? bytes.readUInt32BE(8) : undefined,
      syn: has(flagBits.syn),
      fin: has(flagBits.fin),
      rst: has(flagBits.rst),
      window: bytes.readUInt16BE(14),
      ...(has(flagBits.syn) ? decodeOptions(bytes.subarray(headerBytes, header)) : {}),
      payload: bytes.subarray(header),
    },
  };
}

function decodeOptions(options: Buffer): Pick<TcpSegment, "largestSegmentBytes" | "windowScale"> {
  let largestSegmentBytes: number | undefined;
  let windowScale: number | undefined;
  for (let at = 0; at < options.length; ) {
    const kind = options[at] as number;
    if (kind === optionKinds.end) break;
    if (kind === optionKinds.nothing) {
      at++;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) break;
    if (kind === optionKinds.largestSegment && length === 4) largestSegmentBytes = options.readUInt16BE(at + 2);
    // RFC 7323, 2.3: more than 14 counts as 14.
    if (kind === optionKinds.windowScale && length === 3) windowScale = Math.min(14, options[at + 2] as number);
    at += length;
  }
  return { largestSegmentBytes, windowScale };
}
