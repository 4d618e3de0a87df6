/** Frames on a stream, each after its length in four bytes, as QEMU's stream network device has them (net/stream.c). */
export function frameReader(onFrame: (frame: Buffer) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    let data = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (data.length >= 4) {
      const end = 4 + data.readUInt32BE(0);
      // QEMU's own limit, NET_BUFSIZE.
      if (end > 4 + largestFrameBytes) throw new RangeError("a frame is larger than any can be");
      if (data.length < end) break;
      onFrame(data.subarray(4, end));
      data = data.subarray(end);
    }
    rest = data.length === 0 ? data : Buffer.from(data);
  };
}

export function framed(frame: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4 + frame.length);
  bytes.writeUInt32BE(frame.length, 0);
  frame.copy(bytes, 4);
  return bytes;
}

const largestFrameBytes = 4096 + 65536;
