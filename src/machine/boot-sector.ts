/**
 * A disk with nothing but a boot sector: up to 510 bytes of 16-bit code that the BIOS loads to 0000:7c00, and its signature.
 *
 * @param code machine code
 * @param sizeBytes size of the whole disk; the rest is zeros
 */
export function bootSector(code: readonly number[], sizeBytes: number): Uint8Array {
  if (code.length > 510) throw new RangeError(`${code.length} bytes of code do not fit a boot sector`);
  const disk = new Uint8Array(sizeBytes);
  disk.set(code);
  disk.set([0x55, 0xaa], 510);
  return disk;
}
