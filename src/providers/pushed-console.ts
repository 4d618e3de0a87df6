import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { httpAgent } from "./direct-connection.ts";
import type { LedgerEntry } from "./journal-record.ts";
import { intend } from "./ledger.ts";
import type { LaunchRunRequest, RunRequest } from "./publish-cloud-request.ts";
import type { CloudRun } from "./publish-cloud-run.ts";

/** Below what the least rights of the docs are for. */
const objectName = /^cloudimg\/console\/[^/]+\.txt$/;
const ledgerKey = "console";
const readSeconds = 600;
const readTimeoutMs = 20_000;
/** A guest of ours sends a quarter of it. */
const mostBytes = 1 << 20;

/** Whether it is the boot log that a guest has sent: never meant to stay. */
export function isPushedConsole({ kind, id }: Pick<LedgerEntry, "kind" | "id">): boolean {
  return kind === "object" && objectName.test(id ?? "");
}

/**
 * A link by which the guest puts its boot log into a bucket, for clouds that show no console. The object is in the ledger before anybody has the link, and what an earlier
 * instance has put there is removed. By plain http, for small guests have nothing else: whoever listens on the way can read that log, and replace it as long as the link is valid.
 */
export async function pushedConsoleUrl(
  { request, journal, context }: CloudRun<LaunchRunRequest>,
  bucket: string,
  lifetimeSeconds: number,
): Promise<string> {
  const { store, connection: clock, configuration } = request;
  const { region } = configuration;
  const { id, ledger } = journal.record();
  const key = `cloudimg/console/${id}.txt`;
  const before = ledger[ledgerKey];
  if (before !== undefined && before.state !== "removed") await store.remove(bucket, key, context).catch(() => {});
  await intend(journal, ledgerKey, { kind: "object", region, name: bucket, id: key }, clock);
  const url = await store.signedUrl({ bucket, key }, lifetimeSeconds, "PUT");
  return url.replace(/^https:/, "http:");
}

/** What the guest has sent so far; undefined if that is nothing. Throws an Error if the store does not say. */
export async function readPushedConsole({
  request,
  journal,
  context,
}: Pick<CloudRun<RunRequest>, "request" | "journal" | "context">): Promise<string | undefined> {
  const { store, connection } = request;
  const entry = journal.record().ledger[ledgerKey];
  if (entry?.id === undefined || entry.state === "removed") return undefined;
  // Tencent says somewhere that a link can be visited once; those of the same second and lifetime are the same.
  const lifetimeSeconds = readSeconds + Math.floor(Math.random() * readSeconds);
  const url = await store.signedUrl({ bucket: entry.name, key: entry.id }, lifetimeSeconds);
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(readTimeoutMs)]);
  const agent = httpAgent({ resolve: (host) => connection.resolve?.(host) });
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { agent, signal }, resolve).on("error", reject);
    });
    const pieces: Buffer[] = [];
    let sizeBytes = 0;
    for await (const piece of answer) {
      pieces.push(piece as Buffer);
      sizeBytes += (piece as Buffer).length;
      if (sizeBytes > mostBytes) break;
    }
    if (answer.statusCode === 404) return undefined;
    if (answer.statusCode !== 200) throw new Error(`the object store answered with status ${answer.statusCode}`);
    return Buffer.concat(pieces).toString("utf8").slice(0, mostBytes);
  } finally {
    agent.destroy();
  }
}
