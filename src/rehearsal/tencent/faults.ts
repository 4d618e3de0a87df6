import type { WireAnswer } from "../http-server.ts";

/** What goes wrong the next times that an action is asked for. */
export interface Fault {
  /** `RunInstances`; `*`: whatever is asked for. */
  readonly action: string;
  /**
   * A vendor's code; an HTTP status; `drop`: the connection is cut; `lost`: the action is done, and its answer cut off.
   */
  readonly what: string | number;
  times: number;
}

/** The fault that this request meets, if any; it is used up by one. */
export function takeFault(faults: Fault[], action: string): Fault | undefined {
  const fault = faults.find((fault) => fault.times > 0 && (fault.action === action || fault.action === "*"));
  if (fault !== undefined) fault.times -= 1;
  return fault;
}

export function plainAnswer(status: number): WireAnswer {
  return { status, headers: { "content-type": "text/html" }, body: "<html>the gateway has trouble</html>" };
}
