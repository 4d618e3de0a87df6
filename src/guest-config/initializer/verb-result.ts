/** What a verb has to say: to standard output, or why it failed. */
export interface VerbResult {
  readonly text?: string | undefined;
  readonly error?: string | undefined;
  readonly isMisused?: boolean | undefined;
  /** Default: 0, or 1 with an error. */
  readonly exitCode?: number | undefined;
}
