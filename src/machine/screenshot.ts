import { randomBytes } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import type { Context } from "../core/context.ts";
import { writeAt, writeOutput } from "../core/output.ts";
import type { Qmp } from "./qmp.ts";

/**
 * Writes what the machine's screen shows as a PNG file. QEMU writes PNG itself only since 7.1, PPM always.
 *
 * @param directory where QEMU may put its own file
 * Errors: `host/qemu-failed`, `host/not-writable`, `host/no-space`.
 */
export async function takeScreenshot(
  qmp: Qmp,
  directory: string,
  path: string,
  context: Pick<Context, "signal">,
): Promise<void> {
  const ppm = join(directory, `screen-${randomBytes(4).toString("hex")}.ppm`);
  try {
    await qmp.execute("screendump", { filename: ppm });
    const png = pngOfPpm(readFileSync(ppm));
    await writeOutput(path, context, (fd) => writeAt(fd, png, 0));
  } finally {
    rmSync(ppm, { force: true });
  }
}

/** Binary PPM of 8 bits a channel (Netpbm, ppm(5)) → PNG (W3C, third edition) of colour type 2, rows unfiltered. */
function pngOfPpm(ppm: Buffer): Buffer {
  const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(ppm.toString("latin1", 0, 64));
  if (header === null) throw new Error("QEMU's screen dump is not a PPM of 8 bits a channel");
  const [width, height] = [Number(header[1]), Number(header[2])];
  const rowBytes = width * 3;
  const rows = Buffer.alloc(height * (rowBytes + 1));
  for (let y = 0; y < height; y++)
    ppm.copy(rows, y * (rowBytes + 1) + 1, header[0].length + y * rowBytes, header[0].length + (y + 1) * rowBytes);
  const size = Buffer.alloc(13);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  size.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([
    signature,
    chunk("IHDR", size),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
