import type { ManifestEntry } from "../core/image-manifest.ts";
import type { Node } from "../core/tree.ts";
import { areAlike, isAsListed } from "./update-compare.ts";

/** What becomes of one path. */
export type Outcome =
  /** The profile's; was not there. */
  | "added"
  /** The profile's, in place of what the profile put there before. */
  | "replaced"
  /** The profile had put it there, and has it no more. */
  | "removed"
  /** The profile's, which has not changed. */
  | "unchanged"
  /** The system has made it. */
  | "kept"
  /** The system has changed or removed it, and the profile has not changed. */
  | "kept-changed"
  /** The system has changed, removed or made it, and the profile too: the profile's. */
  | "overruled";

interface Decision {
  readonly outcome: Outcome;
  /** What is there afterwards; undefined for nothing. */
  readonly node: Node | undefined;
}

/**
 * Three versions of one path, each of which may be missing, become one.
 *
 * @param before as the profile put it there
 * @param now as it is in the image
 * @param next as the profile wants it
 */
export function decide(
  before: ManifestEntry | undefined,
  now: Node | undefined,
  next: Node | undefined,
): Decision | undefined {
  if (now === undefined) return decideMissing(before, next);
  if (next !== undefined && areAlike(now, next)) return { outcome: "unchanged", node: next };
  if (before === undefined)
    return next === undefined ? { outcome: "kept", node: now } : { outcome: "overruled", node: next };
  if (isAsListed(now, before))
    return next === undefined ? { outcome: "removed", node: undefined } : { outcome: "replaced", node: next };
  if (next === undefined || isAsListed(next, before)) return { outcome: "kept-changed", node: now };
  return { outcome: "overruled", node: next };
}

/** What the system has removed stays away, unless the profile has something new there. */
function decideMissing(before: ManifestEntry | undefined, next: Node | undefined): Decision | undefined {
  if (next === undefined) return undefined;
  if (before === undefined) return { outcome: "added", node: next };
  return isAsListed(next, before) ? { outcome: "kept-changed", node: undefined } : { outcome: "overruled", node: next };
}
