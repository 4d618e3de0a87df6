/**
 * What the pipeline tells whoever is watching. Work emits events; `report/` alone decides how they look (a terminal,
 * plain lines, JSON lines, HTML). Sizes are bytes, durations milliseconds.
 */
export type Event =
  | { readonly type: "step-start"; readonly id: string; readonly title: string }
  | {
      readonly type: "step-progress";
      readonly id: string;
      readonly doneBytes: number;
      /** Absent while the total is not known. */
      readonly totalBytes?: number | undefined;
    }
  | {
      readonly type: "step-end";
      readonly id: string;
      readonly status: "done" | "cached" | "failed";
      readonly durationMs: number;
      /** A few words on the outcome: "38 packages, 14.2 MB". */
      readonly note?: string | undefined;
    }
  | {
      readonly type: "log";
      readonly level: "debug" | "info" | "warning";
      readonly message: string;
      readonly hint?: string | undefined;
    }
  /** A line that the guest printed on its serial console. */
  | { readonly type: "console"; readonly line: string };

export type EventSink = (event: Event) => void;
