import { findAt, type Positioned } from "./positioned.ts";
import { schemasAt } from "./schema-tree.ts";

/**
 * What comes from the environment is text. Where that is refused, the schema takes a number or a truth value, and the text reads as one, the value is
 * changed in place. Says whether anything was: then validation is worth another try.
 */
export function readEnvironmentValues(
  issues: readonly { readonly path: readonly PropertyKey[] }[],
  root: Positioned,
): boolean {
  let changed = false;
  for (const issue of issues) {
    const path = issue.path as (string | number)[];
    const node = findAt(root, path)?.value;
    if (node?.kind !== "scalar" || node.fromEnvironment !== true || typeof node.value !== "string") continue;
    const types = schemasAt(path).map(({ type }) => type);
    const { value } = node;
    if (types.includes("integer") && /^-?\d{1,15}$/.test(value)) node.value = Number(value);
    else if (types.includes("boolean") && /^(true|false)$/.test(value)) node.value = value === "true";
    else continue;
    changed = true;
  }
  return changed;
}
