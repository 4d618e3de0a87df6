/** How a call of the API shall fail. */
export type EcsFault =
  /** Answer this, and do nothing. */
  | { readonly status: number; readonly code: string }
  /** Cut the connection, and do nothing. */
  | "drop"
  /** Do it, and cut the connection instead of answering. */
  | "lose-answer";

/** Asked before each call that is rightly signed. Undefined: it goes well. */
export type EcsFaultHook = (call: {
  readonly action: string;
  readonly region: string;
  readonly parameters: ReadonlyMap<string, string>;
}) => EcsFault | undefined;
