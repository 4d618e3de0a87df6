import type { Context } from "../core/context.ts";
import { CloudimgError, fail } from "../core/errors.ts";
import type { RunRecord } from "../providers/journal-record.ts";
import { waitTurn } from "../providers/poll.ts";
import { isPassing } from "../providers/poll-passing.ts";
import type { CloudSession } from "./cloud-session.ts";

const tries = 4;

/** The account's id as the cloud tells it; undefined if it does not tell. Errors: `cloud/unreachable`. */
export async function accountOf(
  { account, connection }: Pick<CloudSession, "account" | "connection">,
  context: Context,
): Promise<string | undefined> {
  for (let n = 0; ; n++) {
    try {
      return await account(context);
    } catch (error) {
      context.signal.throwIfAborted();
      if (error instanceof CloudimgError && !isPassing(error)) return undefined;
      if (!isPassing(error) || n + 1 >= tries) throw error;
      await waitTurn(n, connection, context.signal);
    }
  }
}

/** With another account's credentials everything of a run would seem to be gone. Errors: `cloud/denied`, `cloud/unreachable`. */
export async function checkOwner(
  { id, owner }: Pick<RunRecord, "id" | "owner">,
  session: CloudSession,
  context: Context,
): Promise<void> {
  if (owner === undefined) return;
  const account = await accountOf(session, context);
  if (account === undefined || account === owner) return;
  fail(
    "cloud/denied",
    `cannot clean the run ${id}: it is of the account ${owner}, and these credentials are of ${account}`,
    {
      hint: `use credentials of ${session.title} that are of ${owner}`,
    },
  );
}
