import type { Host } from "../initializer/host.ts";
import { asObject } from "../initializer/json-values.ts";
import { clientRecord } from "./dhcp.ts";
import type { NetworkPlan } from "./network-plan.ts";
import type { FirstCards } from "./nics.ts";
import type { Step } from "./steps.ts";

/** What has been done to the network since the machine was started: the next document may want less, or something else. */
export interface Applied {
  /** Lines of sh that take things back, by what was done; in the order in which it was done. */
  readonly undo: Readonly<Record<string, string>>;
  readonly firstCards: FirstCards;
}

const path = "/run/cloudimg/network.json";

export function readApplied(host: Host): Applied {
  try {
    const value: unknown = JSON.parse(host.readText(path) ?? "");
    if (asObject(asObject(value)?.["undo"]) && asObject(asObject(value)?.["firstCards"]))
      return value as unknown as Applied;
  } catch {
    // The first time, there is none.
  }
  return { undo: {}, firstCards: {} };
}

export function keepApplied(host: Host, plan: NetworkPlan): void {
  const { firstCards } = plan;
  const undo = Object.fromEntries(undoable(plan));
  host.writeFile(path, JSON.stringify({ undo, firstCards } satisfies Applied), 0o600);
}

/** Takes back what this plan does not want, the last first. */
export function staleSteps(applied: Applied, plan: NetworkPlan): Step[] {
  const wanted = new Set(undoable(plan).map(([key]) => key));
  return Object.entries(applied.undo)
    .filter(([key]) => !wanted.has(key))
    .reverse()
    .map(([key, undo]) => ({ title: `take back ${key}`, shell: `{ ${undo}; } 2>/dev/null || :` }));
}

function undoable({ steps, late, dhcp }: NetworkPlan): [key: string, undo: string][] {
  const done = [...steps, ...late].flatMap(({ key, shell, undo }): [string, string][] =>
    undo === undefined ? [] : [[key ?? shell, undo]],
  );
  return [...done, ...dhcp.map(clientRecord).map(({ key, undo }): [string, string] => [key, undo])];
}
