import type { Report } from "../initializer/report.ts";

const mostProblems = 20;

/** A report that says no more than some problems of each step, and how many more there were: a document may be wrong in thousands of places, and the console is slow. */
export function limitedReport(report: Report): Report & { readonly tellRest: () => void } {
  const counts = new Map<string, number>();
  return {
    said: (step, text) => report.said(step, text),
    problem(step, text) {
      const count = (counts.get(step) ?? 0) + 1;
      counts.set(step, count);
      if (count <= mostProblems) report.problem(step, text);
    },
    tellRest() {
      for (const [step, count] of counts)
        if (count > mostProblems) report.problem(step, `${count - mostProblems} more problems like these`);
    },
  };
}
