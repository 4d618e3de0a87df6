import { formatDuration } from "../core/format.ts";
import { showName } from "./names.ts";
import { drawSections, drawTable, type Section } from "./sections.ts";

/** What the journal of a publish says. Times are milliseconds since 1970. */
export interface RunFacts {
  readonly id: string;
  readonly scope: {
    readonly cloud: string;
    readonly region: string;
    readonly account: string;
    readonly profile: string;
  };
  readonly identity: string;
  readonly imageName: string;
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
  readonly state: string;
  readonly error?: string | undefined;
  readonly steps: Readonly<Record<string, RunStepFacts>>;
  readonly ledger: Readonly<Record<string, RunLedgerFacts>>;
}

interface RunStepFacts {
  readonly state: string;
  readonly startedAtMs: number;
  readonly finishedAtMs?: number | undefined;
  readonly error?: string | undefined;
}

interface RunLedgerFacts {
  readonly kind: string;
  readonly region: string;
  readonly name: string;
  readonly id?: string | undefined;
  readonly state: string;
  readonly fault?: string | undefined;
}

/** A line for each run; one whose journal cannot be read has its problem below. */
export function describeRuns(runs: readonly (RunFacts | { readonly id: string; readonly problem: string })[]): string {
  if (runs.length === 0) return "no runs";
  const known = runs.filter((run): run is RunFacts => "scope" in run);
  const rows = known.map((run) => [
    run.id,
    timeOf(run.startedAtMs),
    run.scope.cloud,
    run.scope.region,
    run.scope.profile,
    run.state,
    imageOf(run),
    leftOf(run) === 0 ? "nothing" : `${leftOf(run)} left`,
  ]);
  const head = ["RUN", "BEGUN (UTC)", "CLOUD", "REGION", "PROFILE", "STATE", "IMAGE", "LEFT OVER"];
  return [
    ...(rows.length === 0 ? [] : drawTable([head, ...rows.map((row) => row.map(showName))])),
    ...runs.flatMap((run) => ("problem" in run ? [`${showName(run.id)}: ${showName(run.problem)}`] : [])),
  ].join("\n");
}

/** One run in full, and what can be done with it. */
export function describeRun(run: RunFacts, evidence: readonly string[], width: number | undefined): string {
  const { scope } = run;
  const steps = Object.entries(run.steps);
  const ledger = Object.values(run.ledger);
  const sections: Section[] = [
    {
      title: `Run ${run.id}`,
      rows: (
        [
          ["cloud", `${scope.cloud}, ${scope.region}${scope.account === "-" ? "" : `, account ${scope.account}`}`],
          ["profile", scope.profile],
          ["image", run.imageName],
          ["SHA-256", `${run.identity} (of the raw disk)`],
          ["begun", `${timeOf(run.startedAtMs)} UTC`],
          ["last change", `${timeOf(run.updatedAtMs)} UTC`],
          ["state", run.state],
          ...(run.error === undefined ? [] : [["error", run.error]]),
        ] as [string, string][]
      ).map(([key, value]) => [key, showName(value)]),
    },
    { title: "Steps", lines: steps.length === 0 ? ["none yet"] : drawTable(steps.map(stepRow), [2]) },
    { title: "Ledger: what was made", lines: ledger.length === 0 ? ["nothing"] : drawTable(ledger.map(ledgerRow)) },
    ...(evidence.length === 0 ? [] : [{ title: "Evidence", lines: evidence.map(showName) }]),
    { title: "What next", lines: adviceFor(run) },
  ];
  return drawSections(sections, width);
}

/** What has become of what a run had made when it was told to stop. */
export function describeInterruption({ id, ledger }: Pick<RunFacts, "id" | "ledger">): string {
  const entries = Object.values(ledger);
  const instance = entries.find(({ kind }) => kind === "instance");
  const isKept = entries.some(({ kind, state }) => ["image", "object", "upload"].includes(kind) && isThere(state));
  return [
    `the run ${id} is interrupted`,
    ...(instance === undefined
      ? []
      : [isThere(instance.state) ? "its instance may still run" : "its instance is ended"]),
    ...(isKept ? ["what was uploaded or imported is kept"] : []),
  ].join("; ");
}

function stepRow([name, { state, startedAtMs, finishedAtMs, error }]: [string, RunStepFacts]): string[] {
  const duration = finishedAtMs === undefined ? "" : formatDuration(finishedAtMs - startedAtMs);
  return [name, state, duration, error ?? ""].map(showName);
}

function ledgerRow({ kind, region, name, id, state, fault }: RunLedgerFacts): string[] {
  return [kind, id ?? name, region, fault === undefined ? state : `${state}: ${fault}`].map(showName);
}

function adviceFor(run: RunFacts): string[] {
  const left = leftOf(run);
  const goesOn = run.state === "interrupted" || run.state === "running";
  return [
    ...(run.state === "running" ? ["It is at work, or its process was killed."] : []),
    ...(goesOn ? ["Publish the same again: it goes on where it was."] : []),
    ...(left > 0 ? [`${left} left, which may cost money. To remove it: cloudimg clean ${run.id}`] : []),
    ...(!goesOn && left === 0 ? ["Nothing: it has come to its end, and nothing is left over."] : []),
  ];
}

/** The image's id in the run's own region if there is one, else its name. */
function imageOf({ ledger, scope, imageName }: RunFacts): string {
  const image = Object.values(ledger).find(
    ({ kind, region, state }) => kind === "image" && region === scope.region && (state === "kept" || state === "made"),
  );
  return image?.id ?? imageName;
}

function leftOf({ ledger }: RunFacts): number {
  return Object.values(ledger).filter(({ state }) => isThere(state)).length;
}

/** As far as is known. */
function isThere(state: string): boolean {
  return state === "intended" || state === "made";
}

function timeOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? "?" : date.toISOString().slice(0, 19).replace("T", " ");
}
