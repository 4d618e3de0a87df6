import type { Host } from "./host.ts";
import { loadPart } from "./parts.ts";

/** Where the boot's log is to go, as user data has said it in this boot. Whoever knows the link may overwrite that log. */
const consoleUrlPath = "/run/cloudimg/console-url";

/** Throws an Error if it cannot be written. */
export function keepConsoleUrl(host: Host, url: string): void {
  host.makeDirectory("/run/cloudimg", 0o755);
  host.writeFile(consoleUrlPath, url, 0o600);
}

/**
 * Sends what the boot has said so far, if user data wants that: beside all else, which does not wait for it. Never throws.
 *
 * @param moment for the reader: `ready`
 * @param waitMs how long to wait for its end, where the machine may be turned off next
 * @returns why it cannot be sent
 */
export function pushConsole(host: Host, moment: string, waitMs = 0): string | undefined {
  try {
    const url = host.readText(consoleUrlPath);
    return url === undefined ? undefined : loadPart(host, "console").sendConsole(host, { url, moment, waitMs });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
