/** A small file that is written beside the image. */
export interface SideFile {
  readonly fileName: string;
  readonly bytes: Uint8Array;
}

/** JSON as people read it, with a line break at its end. */
export function jsonFile(fileName: string, value: unknown): SideFile {
  return { fileName, bytes: Buffer.from(`${JSON.stringify(value, null, 2)}\n`) };
}
