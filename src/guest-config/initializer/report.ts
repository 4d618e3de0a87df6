/** How code tells what happened; each line goes to the console and the log. */
export interface Report {
  /** It did this: a word for the step, and what came of it. */
  said(step: string, text: string): void;
  /** It could not do what it was told: the instance runs, `degraded`. */
  problem(step: string, text: string): void;
}
