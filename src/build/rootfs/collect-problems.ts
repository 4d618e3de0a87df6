import { CloudimgError, type Problem, type Where } from "../../core/errors.ts";

/** Where a part of the profile was written. */
export type Locate = (path: readonly (string | number)[]) => Where | undefined;

/** Does the work for each entry of a list, and throws what went wrong with all of them at once, each with its place. */
export function forEachEntry<T>(
  entries: readonly T[],
  locate: (index: number) => Where | undefined,
  work: (entry: T, index: number) => void,
): void {
  const problems: Problem[] = [];
  entries.forEach((entry, index) => {
    try {
      work(entry, index);
    } catch (error) {
      if (!(error instanceof CloudimgError)) throw error;
      const where = locate(index);
      problems.push(...error.problems.map((problem) => ({ ...problem, where: problem.where ?? where })));
    }
  });
  if (problems.length > 0) throw new CloudimgError(problems);
}
