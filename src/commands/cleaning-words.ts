import type { Leftover } from "../providers/publish-cloud-request.ts";

/** What could not be removed, a line each, and what to do about it. */
export function describeLeftovers(left: readonly Leftover[], run: string): string[] {
  if (left.length === 0) return [];
  const lines = left.map(({ kind, id, name, region, fault }) => {
    const what = `${kind} ${id ?? name ?? ""} in ${region}`;
    return `left: ${what}: ${fault ?? "it is not known whether it is there"}`;
  });
  return [...lines, `try again later: cloudimg clean ${run}`];
}
