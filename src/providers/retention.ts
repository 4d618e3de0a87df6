import type { ImageState } from "./cloud.ts";

export interface RetentionWish {
  /** The image that was just published. */
  readonly currentId: string;
  /** Keeps this many, the current one included. Undefined: all. */
  readonly keepNewest?: number | undefined;
  readonly deprecateOld: boolean;
}

export interface RetentionPlan {
  readonly deprecate: readonly ImageState[];
  readonly remove: readonly ImageState[];
}

/**
 * Which images of a profile give way to the current one. Those that were made after it stay: another publish is ahead of this one. So do those that are not ready, since
 * another run waits for them, and those of unknown age.
 *
 * @param images all that carry the profile's tag, in one region
 */
export function planRetention(images: readonly ImageState[], wish: RetentionWish): RetentionPlan {
  const current = images.find(({ id }) => id === wish.currentId);
  if (current?.createdAt === undefined) return { deprecate: [], remove: [] };
  const currentMs = Date.parse(current.createdAt);
  const older = images
    .filter(({ id, state }) => id !== current.id && state === "available")
    .map((image) => ({ image, madeMs: Date.parse(image.createdAt ?? "") }))
    .filter(({ madeMs }) => madeMs <= currentMs)
    .sort((a, b) => b.madeMs - a.madeMs)
    .map(({ image }) => image);
  const kept = wish.keepNewest === undefined ? older.length : Math.max(0, wish.keepNewest - 1);
  return {
    deprecate: wish.deprecateOld ? older.slice(0, kept).filter(({ isDeprecated }) => isDeprecated !== true) : [],
    remove: older.slice(kept),
  };
}
