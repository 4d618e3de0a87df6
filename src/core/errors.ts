import type { ErrorCode } from "./error-codes.ts";

/** Exit codes by family of error: scripts can tell "my profile is wrong" from "the mirror is down". */
export const exitCodeOfFamily = {
  bug: 1,
  usage: 2,
  profile: 3,
  host: 4,
  packages: 5,
  image: 6,
  cloud: 7,
  check: 8,
} as const;

export type ErrorFamily = keyof typeof exitCodeOfFamily;

/** A position in a text file; line and column count from 1. */
export interface Where {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** One thing that is wrong. `message` reads `cannot X: reason`; `hint` says what to do about it. */
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly where?: Where | undefined;
  readonly hint?: string | undefined;
}

/**
 * The one error a user's mistake, or the world, may cause. It carries every problem that was found, not only the
 * first; the exit code comes from the family of the first one's code. Anything else that is thrown is our bug.
 */
export class CloudimgError extends Error {
  override readonly name = "CloudimgError";
  readonly problems: readonly [Problem, ...Problem[]];

  constructor(problems: Problem | readonly Problem[], options?: { cause?: unknown }) {
    const [first, ...rest] = Array.isArray(problems) ? (problems as readonly Problem[]) : [problems as Problem];
    if (first === undefined) throw new TypeError("a CloudimgError needs a problem");
    super(first.message, options);
    this.problems = [first, ...rest];
  }

  get code(): ErrorCode {
    return this.problems[0].code;
  }

  get exitCode(): number {
    const family = this.code.slice(0, this.code.indexOf("/"));
    return exitCodeOfFamily[family as ErrorFamily];
  }
}

/** Shorthand for the common case of one problem. */
export function fail(
  code: ErrorCode,
  message: string,
  rest: { where?: Where; hint?: string; cause?: unknown } = {},
): never {
  const { cause, ...more } = rest;
  throw new CloudimgError({ code, message, ...more }, { cause });
}

export function formatWhere({ file, line, column }: Where): string {
  return [file, line, column].filter((part) => part !== undefined).join(":");
}

/** The operating system's error code (`ENOENT`, …) of something that was thrown, if it has one. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
