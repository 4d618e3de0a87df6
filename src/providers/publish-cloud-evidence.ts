import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { step } from "../core/context.ts";
import type { Evidence } from "./publish-cloud-request.ts";
import type { CloudRun } from "./publish-cloud-run.ts";

/** Keeps what the cloud shows of an instance, beside the journal. Whatever fails here is told and changes nothing: it must not hide how the checks went. */
export async function captureEvidence({ request, journal, context }: CloudRun, id: string): Promise<Evidence> {
  if (context.signal.aborted) return {};
  return await step(context, "capture", "Keep console and screenshot", async (progress) => {
    try {
      const { console, screenshot } = await request.cloud.instances.evidence(id, context);
      const keep = (name: string, bytes: Uint8Array | string): string => {
        const path = join(journal.directory, name);
        writeFileSync(path, bytes);
        return path;
      };
      return {
        ...(console !== undefined && { console: keep("console.txt", console) }),
        ...(screenshot !== undefined && { screenshot: keep(`screenshot.${screenshot.format}`, screenshot.bytes) }),
      };
    } catch (error) {
      progress.note(`nothing: ${error instanceof Error ? error.message : error}`);
      return {};
    }
  });
}
