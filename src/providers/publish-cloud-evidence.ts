import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { step } from "../core/context.ts";
import type { EvidenceWish } from "./cloud.ts";
import type { Evidence } from "./publish-cloud-request.ts";
import type { CloudRun } from "./publish-cloud-run.ts";
import { readPushedConsole } from "./pushed-console.ts";

type Screenshot = Awaited<ReturnType<CloudRun["request"]["cloud"]["instances"]["evidence"]>>["screenshot"];

interface Seen {
  readonly console?: string | undefined;
  readonly consoleFrom: "cloud" | "guest";
  readonly screenshot?: Screenshot;
}

/** Keeps what is seen of an instance whose checks are over, beside the journal; it may be stopped for that. Whatever fails here is told and changes nothing: it must not hide how the checks went. */
export async function captureEvidence(run: CloudRun, id: string): Promise<Evidence> {
  const { journal, context } = run;
  if (context.signal.aborted) return {};
  return await step(context, "capture", "Keep console and screenshot", async (progress) => {
    try {
      const { console, consoleFrom, screenshot } = await evidenceOf(run, id, { isLast: true });
      const keep = (name: string, bytes: Uint8Array | string): string => {
        const path = join(journal.directory, name);
        writeFileSync(path, bytes);
        return path;
      };
      if (console !== undefined && consoleFrom === "guest") progress.note("the console as the guest has sent it");
      return {
        ...(console !== undefined && { console: keep("console.txt", console), consoleFrom }),
        ...(screenshot !== undefined && { screenshot: keep(`screenshot.${screenshot.format}`, screenshot.bytes) }),
      };
    } catch (error) {
      progress.note(`nothing: ${error instanceof Error ? error.message : error}`);
      return {};
    }
  });
}

/** The console of an instance now: what the cloud shows, or else what the guest has sent. */
export async function consoleOf(run: CloudRun, id: string): Promise<string | undefined> {
  return (await evidenceOf(run, id, { hasScreenshot: false })).console;
}

async function evidenceOf(run: CloudRun, id: string, wish: EvidenceWish): Promise<Seen> {
  const { cloud } = run.request;
  const shown = await cloud.instances.evidence(id, run.context, wish).then(
    (evidence) => ({ evidence }),
    (error: unknown) => ({ error }),
  );
  const { console, screenshot } = "evidence" in shown ? shown.evidence : {};
  if (/\S/.test(console ?? "")) return { console, consoleFrom: "cloud", screenshot };
  const sent = await readPushedConsole(run).catch((error: unknown) => {
    // Whatever else there is must not be lost.
    if (screenshot === undefined && console === undefined && !("error" in shown)) throw error;
    return undefined;
  });
  if (sent !== undefined) return { console: sent, consoleFrom: "guest", screenshot };
  if ("error" in shown) throw shown.error;
  return { console, consoleFrom: "cloud", screenshot };
}
