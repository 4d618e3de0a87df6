import { join } from "node:path";
import { canonicalDigest } from "../core/canonical-json.ts";
import type { Context } from "../core/context.ts";
import { makeDirectory } from "../core/make-directory.ts";
import { type Lock, type LockHolder, takeLock } from "./journal-lock.ts";
import type { RunScope } from "./journal-record.ts";
import { runsDirectory } from "./journal-store.ts";

/** Takes the lock of a scope, or tells who is at work there. */
export function takeScope(
  scope: RunScope,
  context: Pick<Context, "directories">,
): Lock | { readonly holder: LockHolder } {
  const directory = runsDirectory(context);
  makeDirectory(directory, { hint: "name another directory with CLOUDIMG_DATA", mode: 0o700 });
  return takeLock(join(directory, `.lock-${canonicalDigest(scope).slice(0, 16)}`));
}
