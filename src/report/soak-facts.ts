/** All that a report of a soak shows. Plain data. Times are milliseconds since 1970. */
export interface SoakFacts {
  readonly name: string;
  /** What was watched: `ssh root@192.0.2.7:22`. */
  readonly target: readonly string[];
  readonly state: "running" | "interrupted" | "done";
  readonly firstMs?: number | undefined;
  readonly lastMs?: number | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Without the times when nobody looked. */
  readonly observedMs: number;
  readonly plannedMs: number;
  readonly samples: number;
  /** From 0 to 1. */
  readonly minAvailability: number;
  readonly checks: readonly SoakCheckFacts[];
  /** The latest times when nobody looked. */
  readonly gaps: readonly { readonly fromMs: number; readonly toMs: number }[];
  readonly gapCount: number;
  readonly guest: {
    readonly uptimeSeconds?: number | undefined;
    readonly totalBytes?: number | undefined;
    readonly availableBytes?: number | undefined;
    readonly leastAvailableBytes?: number | undefined;
    readonly hostKey?: string | undefined;
    /** The latest. */
    readonly events: readonly { readonly atMs: number; readonly kind: string; readonly detail: string }[];
    readonly restarts: number;
    readonly processRestarts: number;
    readonly hostKeyChanges: number;
  };
}

export interface SoakCheckFacts {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  /** From 0 to 1, of the time. */
  readonly availability: number;
  readonly downMs: number;
  readonly outageCount: number;
  /** The latest, oldest first. */
  readonly outages: readonly {
    readonly fromMs: number;
    readonly toMs?: number | undefined;
    readonly fault: string;
    readonly failures: number;
  }[];
  readonly latency?: SoakLatencyFacts | undefined;
}

export interface SoakLatencyFacts {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly greatestMs: number;
}

/** What was seen in equal stretches of time, oldest first; a stretch in which nothing was seen is not there. */
export interface SoakSeriesFacts {
  readonly binMs: number;
  readonly bins: readonly {
    readonly fromMs: number;
    readonly latency: Readonly<Record<string, SoakLatencyFacts | undefined>>;
    readonly memory?: { readonly totalBytes: number; readonly leastAvailableBytes: number } | undefined;
  }[];
}
