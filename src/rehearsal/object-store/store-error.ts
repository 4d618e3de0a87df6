/** A refusal as a store puts it: the status of the answer, and what its XML says. */
export class StoreError extends Error {
  readonly status: number;
  readonly code: string;
  /** Further elements of the answer's `<Error>`. */
  readonly details: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, details: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

export function refuse(
  status: number,
  code: string,
  message: string,
  details: Readonly<Record<string, string>> = {},
): never {
  throw new StoreError(status, code, message, details);
}

/** A fault cuts the connection: there is nobody left to answer. */
export class ConnectionCut extends Error {}
