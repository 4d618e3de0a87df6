import type { Host } from "../initializer/host.ts";
import { readUsage } from "../initializer/usage.ts";

/** init ends the boot stage after two minutes (build/rootfs/services.ts): what is of the user's making must leave time for keys and users. */
const commandsEndMs = 70_000;
const leastMs = 1000;

/** How long a user's command before the services may take, of what is usual. */
export function earlyLimitMs(host: Host, usualMs: number): number {
  const { ageMs } = readUsage(host);
  return Number.isNaN(ageMs) ? usualMs : Math.max(leastMs, Math.min(usualMs, commandsEndMs - ageMs));
}
