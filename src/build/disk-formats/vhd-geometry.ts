/** What a BIOS calls a disk's shape; the product is its size in sectors. */
export interface Geometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
}

const mostCylinders = 65535;
const mostHeads = 16;
const mostSectorsPerTrack = 255;

/** Every reader takes the size from elsewhere when it sees this one. */
export const largestGeometry: Geometry = {
  cylinders: mostCylinders,
  heads: mostHeads,
  sectorsPerTrack: mostSectorsPerTrack,
};

/** BIOSes know no more sectors of a track than this; more are tried last. */
const biosSectorsPerTrack = 63;

/**
 * A shape whose product is exactly the disk's size, so that readers that believe it (Virtual PC, old QEMU) see the same disk as those that believe the size. The
 * appendix of the specification rounds down instead. Whole MiB up to 64 GiB, and most sizes up to 127 GiB, have one; where there is none the largest stands for "do not believe this".
 */
export function geometryOf(sectors: number): Geometry {
  const tracks = [
    ...Array.from({ length: biosSectorsPerTrack }, (_, index) => biosSectorsPerTrack - index),
    ...Array.from({ length: mostSectorsPerTrack - biosSectorsPerTrack }, (_, index) => biosSectorsPerTrack + 1 + index),
  ];
  for (let heads = mostHeads; heads > 0; heads--)
    for (const sectorsPerTrack of tracks) {
      const cylinders = sectors / (heads * sectorsPerTrack);
      if (Number.isInteger(cylinders) && cylinders > 0 && cylinders <= mostCylinders)
        return { cylinders, heads, sectorsPerTrack };
    }
  return largestGeometry;
}

export function sectorsOf({ cylinders, heads, sectorsPerTrack }: Geometry): number {
  return cylinders * heads * sectorsPerTrack;
}
