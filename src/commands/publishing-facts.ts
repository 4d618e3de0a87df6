import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../core/context.ts";
import { CloudimgError } from "../core/errors.ts";
import type { Resource } from "../providers/cloud.ts";
import type { LedgerEntry, RunRecord } from "../providers/journal-record.ts";
import { runDirectory, showRun } from "../providers/journal-store.ts";
import type { CloudPublishReport } from "../providers/publish-cloud-request.ts";
import { isPushedConsole } from "../providers/pushed-console.ts";
import type { CloudFacts, LedgerFacts, StepFacts } from "../report/publish-facts.ts";
import type { SmokeResult } from "../smoke/result.ts";

/** All that is known of a publish to one cloud when it is over, however it ended. */
export interface Told {
  readonly title: string;
  readonly region: string;
  /** Undefined: nothing was begun. */
  readonly run: string | undefined;
  readonly report: CloudPublishReport | undefined;
  readonly error: unknown;
  readonly steps: readonly StepFacts[];
  /** As far as they were seen. */
  readonly checks: readonly SmokeResult[];
  readonly address: string | undefined;
  readonly leftInCloud: readonly Resource[] | undefined;
}

/** The same as a report shows it. What was captured is read from the run's directory. */
export function cloudFacts(told: Told, context: Context): CloudFacts {
  const { title, region, run: id, report, steps } = told;
  const record = id === undefined ? undefined : readRecord(id, context);
  const checks = report?.instance.results ?? told.checks;
  return {
    ...{ title, region, run: id, steps, outcome: outcomeOf(told, context), errors: errorsOf(told, context) },
    images: report?.images ?? imagesOf(record),
    ...instanceOf(told, record),
    hostKeyFingerprint: report?.instance.hostKeyFingerprint,
    checks: checks.map(({ name, kind, ok, durationMs, attempts, detail }) => ({
      ...{ name, kind, ok, durationMs, attempts, detail },
    })),
    ...(id !== undefined && evidenceIn(runDirectory(id, context), report, record)),
    deprecated: report?.retired.deprecated ?? [],
    removed: report?.retired.removed ?? [],
    ledger: Object.values(record?.ledger ?? {}).map(ledgerFacts),
    leftInCloud: told.leftInCloud?.map(({ kind, id, region, name }) => ({ kind, id, region, name, state: "left" })),
  };
}

function readRecord(id: string, context: Context): RunRecord | undefined {
  try {
    return showRun(id, context);
  } catch (error) {
    if (error instanceof CloudimgError) return undefined;
    throw error;
  }
}

function outcomeOf({ error, run }: Told, { signal }: Context): CloudFacts["outcome"] {
  if (error === undefined) return "done";
  return signal.aborted && run !== undefined ? "interrupted" : "failed";
}

function errorsOf({ error }: Told, { signal }: Context): CloudFacts["errors"] {
  if (error === undefined) return [];
  if (error instanceof CloudimgError) return error.problems.map(({ code, message, hint }) => ({ code, message, hint }));
  // Whoever pressed Ctrl-C knows: the outcome says it.
  if (signal.aborted) return [];
  return [{ code: "bug/internal", message: error instanceof Error ? error.message : String(error) }];
}

function imagesOf(record: RunRecord | undefined): CloudFacts["images"] {
  return Object.values(record?.ledger ?? {}).flatMap(({ kind, id, region, name, state }) =>
    kind === "image" && id !== undefined && state !== "removed" ? [{ id, region, name, existed: false }] : [],
  );
}

function instanceOf({ report, address }: Told, record: RunRecord | undefined): Pick<CloudFacts, "instance"> {
  const entry = record?.ledger["instance"];
  const id = report?.instance.id ?? entry?.id;
  const offer = report?.instance.offer ?? entry?.launch?.offer;
  if (id === undefined) return {};
  const { instanceType, zone, isSpot, price } = offer ?? {};
  return { instance: { id, address: report?.instance.address ?? address ?? "", instanceType, zone, isSpot, price } };
}

function evidenceIn(
  directory: string,
  report: CloudPublishReport | undefined,
  record: RunRecord | undefined,
): Pick<CloudFacts, "console" | "consoleFrom" | "screenshot"> {
  const consolePath = report?.evidence.console ?? join(directory, "console.txt");
  const format = (["png", "jpg"] as const).find((format) => existsSync(join(directory, `screenshot.${format}`)));
  // Where a guest was told to send its log, it may be either's.
  const mayBeSent = Object.values(record?.ledger ?? {}).some(isPushedConsole);
  const consoleFrom = report?.evidence.consoleFrom ?? (mayBeSent ? undefined : "cloud");
  return {
    ...(existsSync(consolePath) && { console: readFileSync(consolePath, "utf8"), consoleFrom }),
    ...(format !== undefined && {
      screenshot: { format, base64: readFileSync(join(directory, `screenshot.${format}`)).toString("base64") },
    }),
  };
}

function ledgerFacts({ kind, id, region, name, state, fault }: LedgerEntry): LedgerFacts {
  const facts = { kind, id: id ?? "unknown", region, name, fault };
  if (state === "kept" || state === "removed") return { ...facts, state };
  return { ...facts, state: "left" };
}
