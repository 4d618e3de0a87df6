/** All that a report of a publish shows. Plain data, so that it can be kept, sent and drawn. Times are milliseconds. */
export interface PublishFacts {
  readonly profile: string;
  readonly isRehearsal: boolean;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly image?: {
    readonly name: string;
    readonly path: string;
    readonly format: string;
    /** SHA-256 of the raw disk. */
    readonly identity: string;
    readonly diskSizeBytes: number;
  };
  /** The steps before any cloud comes in. */
  readonly steps: readonly StepFacts[];
  readonly clouds: readonly CloudFacts[];
}

export interface StepFacts {
  readonly id: string;
  readonly title: string;
  readonly status: "done" | "cached" | "failed";
  /** Since the publish began. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly note?: string | undefined;
}

export interface CloudFacts {
  /** As people call it. */
  readonly title: string;
  readonly region: string;
  readonly run?: string | undefined;
  readonly outcome: "done" | "failed" | "interrupted";
  readonly errors: readonly { readonly code: string; readonly message: string; readonly hint?: string | undefined }[];
  readonly steps: readonly StepFacts[];
  readonly images: readonly {
    readonly id: string;
    readonly region: string;
    readonly name: string;
    readonly existed: boolean;
  }[];
  readonly instance?: {
    readonly id: string;
    readonly address: string;
    readonly instanceType?: string | undefined;
    readonly zone?: string | undefined;
    readonly isSpot?: boolean | undefined;
    readonly price?: { readonly perHour: number; readonly currency: string } | undefined;
  };
  readonly hostKeyFingerprint?: string | undefined;
  readonly checks: readonly {
    readonly name: string;
    readonly kind: "ssh" | "http";
    readonly ok: boolean;
    readonly durationMs: number;
    readonly attempts: number;
    readonly detail: string;
  }[];
  readonly console?: string | undefined;
  /** `guest`: the cloud shows none, and the guest has sent its boot log by itself. */
  readonly consoleFrom?: "cloud" | "guest" | undefined;
  readonly screenshot?: { readonly format: "jpg" | "png"; readonly base64: string } | undefined;
  /** Ids of older images. */
  readonly deprecated: readonly string[];
  readonly removed: readonly string[];
  /** What the run made, by our own records. */
  readonly ledger: readonly LedgerFacts[];
  /** What the cloud itself says is there beyond what is meant to stay; known of rehearsals only. */
  readonly leftInCloud?: readonly LedgerFacts[] | undefined;
}

export interface LedgerFacts {
  readonly kind: string;
  readonly id: string;
  readonly region: string;
  readonly name?: string | undefined;
  readonly state: "kept" | "removed" | "left";
  /** Why it could not be removed. */
  readonly fault?: string | undefined;
}
