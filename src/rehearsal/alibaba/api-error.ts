/** An answer that is an error. What is thrown otherwise is a defect of ours. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function deny(status: number, code: string, message: string): never {
  throw new ApiError(status, code, message);
}
