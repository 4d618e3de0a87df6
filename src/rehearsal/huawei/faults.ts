/** What goes wrong the next times that an operation is asked for. */
export interface Fault {
  /** `ecs.CreatePostPaidServers`; `*`: whatever is asked for. */
  readonly operation: string;
  /** A vendor's code; an HTTP status; `drop`: the connection is cut; `lost`: the work is done, and its answer cut off. */
  readonly what: string | number;
  times: number;
}

/** The fault that this request meets, if any; it is used up by one. */
export function takeFault(faults: readonly Fault[], operation: string): Fault | undefined {
  const fault = faults.find((fault) => fault.times > 0 && (fault.operation === operation || fault.operation === "*"));
  if (fault !== undefined) fault.times -= 1;
  return fault;
}
