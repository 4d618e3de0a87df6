import type { z } from "zod";
import { findAt, type Positioned } from "./positioned.ts";

/**
 * What comes from the environment is text. Where the schema wants a number or a truth value instead and the text reads as one, the value is changed
 * in place. Says whether anything was: then validation is worth another try.
 */
export function readEnvironmentValues(issues: readonly z.core.$ZodIssue[], root: Positioned): boolean {
  let changed = false;
  for (const issue of issues) {
    const node = findAt(root, issue.path as (string | number)[])?.value;
    if (node?.kind !== "scalar" || node.fromEnvironment !== true || typeof node.value !== "string") continue;
    const { value } = node;
    if (wants(issue, ["int", "number"]) && /^-?\d{1,15}(\.\d+)?$/.test(value)) node.value = Number(value);
    else if (wants(issue, ["boolean"]) && /^(true|false)$/.test(value)) node.value = value === "true";
    else continue;
    changed = true;
  }
  return changed;
}

function wants(issue: z.core.$ZodIssue, kinds: readonly string[]): boolean {
  if (issue.code === "invalid_type") return kinds.includes(issue.expected);
  return issue.code === "invalid_union" && issue.errors.flat().some((inner) => wants(inner, kinds));
}
