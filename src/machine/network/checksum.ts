/** The Internet checksum (RFC 1071) of several pieces, each but the last of even length. Zero over what carries its right checksum. */
export function checksum(...pieces: readonly Uint8Array[]): number {
  let sum = 0;
  for (const piece of pieces) {
    const even = piece.length & ~1;
    for (let at = 0; at < even; at += 2) sum += ((piece[at] as number) << 8) | (piece[at + 1] as number);
    if (even < piece.length) sum += (piece[even] as number) << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** What of the IP header goes into the checksums of TCP, UDP and ICMPv6 (RFC 9293, 3.1; RFC 8200, 8.1). */
export function pseudoHeader(source: Buffer, destination: Buffer, protocol: number, lengthBytes: number): Buffer {
  const tail = source.length === 4 ? 4 : 8;
  const header = Buffer.alloc(source.length * 2 + tail);
  source.copy(header, 0);
  destination.copy(header, source.length);
  header.writeUInt16BE(lengthBytes, header.length - (tail === 4 ? 2 : 6));
  header[header.length - (tail === 4 ? 3 : 1)] = protocol;
  return header;
}
