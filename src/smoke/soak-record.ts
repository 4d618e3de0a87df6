/** A line of the file that a soak writes: a header, then for each process that worked on it a start, and its samples. Times are milliseconds since 1970. */
export type SoakLine = SoakHeader | SoakStart | SoakSample;

export interface SoakHeader {
  readonly soak: 1;
  /** What is watched: only a soak of the same goes on here. */
  readonly target: readonly string[];
}

export interface SoakStart {
  readonly start: number;
  readonly intervalMs: number;
  /** Of each check. */
  readonly timeoutMs: number;
}

/** What all checks saw at one time. */
export interface SoakSample {
  readonly at: number;
  readonly checks: Readonly<Record<string, { readonly ms: number; readonly fault?: string | undefined }>>;
  readonly guest?: GuestSeen | undefined;
  /** `SHA256:…` */
  readonly hostKey?: string | undefined;
}

/** What a guest says of itself. */
export interface GuestSeen {
  /** Another at each boot (random(4)). */
  readonly bootId?: string | undefined;
  readonly uptimeSeconds?: number | undefined;
  readonly totalBytes?: number | undefined;
  /** What programs could have without swapping. */
  readonly availableBytes?: number | undefined;
  /** Numbers of the processes by name of their program. */
  readonly processes?: Readonly<Record<string, readonly number[]>> | undefined;
}

/** Undefined: no line of ours, or one that a crash or a full disk cut off. */
export function parseSoakLine(text: string): SoakLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  if (value["soak"] === 1 && isList(value["target"], "string")) return value as unknown as SoakHeader;
  if (isTime(value["start"]))
    return isTime(value["intervalMs"]) && isTime(value["timeoutMs"]) ? (value as unknown as SoakStart) : undefined;
  if (!isTime(value["at"]) || !isRecord(value["checks"]) || !isGuest(value["guest"])) return undefined;
  if (!isOptional(value["hostKey"], "string")) return undefined;
  for (const check of Object.values(value["checks"]))
    if (!isRecord(check) || !isTime(check["ms"]) || !isOptional(check["fault"], "string")) return undefined;
  return value as unknown as SoakSample;
}

function isGuest(value: unknown): boolean {
  if (value === undefined) return true;
  if (!isRecord(value) || !isOptional(value["bootId"], "string")) return false;
  for (const name of ["uptimeSeconds", "totalBytes", "availableBytes"])
    if (value[name] !== undefined && !isTime(value[name])) return false;
  const processes = value["processes"];
  return (
    processes === undefined || (isRecord(processes) && Object.values(processes).every((pids) => isList(pids, "number")))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 && value < 8.64e15;
}

function isOptional(value: unknown, type: string): boolean {
  return value === undefined || typeof value === type;
}

function isList(value: unknown, type: string): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === type);
}
