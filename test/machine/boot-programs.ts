import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootSector } from "../../src/machine/boot-sector.ts";

/** What a guest of one boot sector does after it has printed its text on the serial port. */
const endings = {
  /** Sleeps for ever; the power button does nothing. */
  hang: [0xfa, 0xf4, 0xeb, 0xfd],
  /** Full reset: port 0xcf9, value 6. */
  reset: [0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xf4, 0xeb, 0xfd],
  /** Sends back what it is sent: polls the line status register, reads, writes. */
  echo: [0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xf8, 0xba, 0xf8, 0x03, 0xec, 0xee, 0xeb, 0xf1],
  /**
   * Powers off when the power button is pressed: polls its status (PM1_STS, 0x600, bit 8), enters S5 (PM1_CNT, 0x604, bit 13). It was enabled
   * before the text was printed.
   */
  obey: [
    ...[0xba, 0x00, 0x06, 0xed, 0xf6, 0xc4, 0x01, 0x74, 0xf7],
    ...[0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4, 0xeb, 0xfd],
  ],
} as const;

/** Writes a raw disk of 1 MiB whose boot sector prints a text and then does as told. */
export function bootProgram(directory: string, text: string, ending: keyof typeof endings, name = "boot.raw"): string {
  const print = [
    ...[0xfa, 0xba, 0x02, 0x06, 0xb8, 0x00, 0x01, 0xef], // cli; PM1_EN (0x602), bit 8: the power button
    ...[0x31, 0xc0, 0x8e, 0xd8, 0xfc], // xor ax,ax; mov ds,ax; cld
    ...[0xbe, 0x00, 0x7d, 0xba, 0xf8, 0x03], // mov si,0x7d00; mov dx,0x3f8
    ...[0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8], // lodsb; test al,al; jz end; out dx,al; jmp
  ];
  const code = [...print, ...endings[ending]];
  const disk = bootSector([...code, ...Array(256 - code.length).fill(0), ...Buffer.from(`${text}\0`)], 1024 * 1024);
  const path = join(directory, name);
  writeFileSync(path, disk);
  return path;
}
