import { fail } from "../core/errors.ts";
import type { StoreDialect } from "./dialects.ts";

/** How a file is cut into parts. It follows from the file's size alone, so a later run cuts it alike. */
export interface UploadPlan {
  readonly sizeBytes: number;
  readonly partSizeBytes: number;
  readonly partCount: number;
}

const mib = 1024 * 1024;
/** Large enough that a round trip for each does not matter, small enough that some of them fit memory, and that little is lost with one. */
const usualPartBytes = 8 * mib;
/** Leaves room below the 10,000 that are allowed. */
const wantedParts = 9000;

/** Errors: `cloud/refused` when the store cannot hold so large an object. */
export function planUpload(
  sizeBytes: number,
  dialect: Pick<StoreDialect, "leastPartBytes" | "mostPartBytes" | "mostParts" | "product">,
  askedPartBytes?: number,
): UploadPlan {
  const wishedBytes = Math.max(dialect.leastPartBytes, askedPartBytes ?? usualPartBytes);
  const partSizeBytes =
    wishedBytes * wantedParts >= sizeBytes ? wishedBytes : Math.ceil(sizeBytes / wantedParts / mib) * mib;
  const partCount = Math.max(1, Math.ceil(sizeBytes / partSizeBytes));
  if (partSizeBytes > dialect.mostPartBytes || partCount > dialect.mostParts)
    fail("cloud/refused", `cannot upload ${sizeBytes} bytes: ${dialect.product} takes no object of that size`);
  return { sizeBytes, partSizeBytes, partCount };
}

/** Parts count from 1. */
export function rangeOf(
  plan: UploadPlan,
  number: number,
): { readonly offsetBytes: number; readonly lengthBytes: number } {
  const offsetBytes = (number - 1) * plan.partSizeBytes;
  return { offsetBytes, lengthBytes: Math.min(plan.partSizeBytes, plan.sizeBytes - offsetBytes) };
}
