import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { type CleaningTools, cleaningTimeoutMs } from "./clean-cloud.ts";
import type { Resource } from "./cloud.ts";
import type { Journal } from "./journal.ts";
import type { LedgerEntry } from "./journal-record.ts";
import { mark } from "./ledger.ts";
import { waitTurn } from "./poll.ts";
import { isPassing } from "./poll-passing.ts";

/** What belongs to an instance, and goes with it. */
const kindsOfInstances: readonly Resource["kind"][] = [
  ...(["instance", "address", "key-pair", "security-group", "subnet", "network"] as const),
];

export function belongsToInstance({ kind }: Pick<LedgerEntry, "kind">): boolean {
  return kindsOfInstances.includes(kind);
}

/** What was meant to stay, and belongs to an instance, is to go now. */
export async function release(journal: Journal): Promise<void> {
  for (const [key, entry] of Object.entries(journal.record().ledger))
    if (entry.state === "kept" && belongsToInstance(entry)) await mark(journal, key, { state: "made" });
}

/** Ends one instance, and waits until it is gone. Errors: `cloud/busy` if it does not go, what the cloud refuses. */
export async function endForeignInstance(
  id: string,
  region: string,
  { cloud, connection }: Pick<CleaningTools, "cloud" | "connection">,
  context: Context,
): Promise<void> {
  const deadlineMs = connection.now() + cleaningTimeoutMs;
  for (let n = 0; ; n++) {
    const fault = await cloud.instances.remove({ kind: "instance", id, region }, context).then(
      () => undefined,
      (error: unknown) => {
        if (context.signal.aborted || !isPassing(error)) throw error;
        return error;
      },
    );
    const [state] = await cloud.instances.find({ id }, context);
    if (state === undefined || state.state === "gone") return;
    if (connection.now() > deadlineMs)
      fail(
        "cloud/busy",
        `cannot end the instance ${id}: ${fault instanceof Error ? fault.message : "it is still there"}`,
      );
    await waitTurn(n, connection, context.signal);
  }
}
