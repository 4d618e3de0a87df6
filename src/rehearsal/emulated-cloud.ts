import type { CloudName, Resource } from "../providers/cloud.ts";
import type { Account, KeyRing } from "./accounts.ts";
import type { Clock } from "./clock.ts";
import type { FaultPlan } from "./faults.ts";
import type { WireHandler } from "./http-server.ts";
import type { ImportFacts } from "./import-facts.ts";
import type { EmulatedMachine, MachineOrder } from "./machine-maker.ts";
import type { EmulatedObjectStore } from "./object-store/object-store.ts";
import type { Trouble } from "./troubles.ts";

/** What a rehearsal gives the emulator of one vendor's APIs. */
export interface Surroundings {
  readonly account: Account;
  readonly keys: KeyRing;
  readonly clock: Clock;
  /** The vendor's. */
  readonly store: EmulatedObjectStore;
  readonly faults: FaultPlan;
  readonly troubles: ReadonlySet<Trouble>;
  /** All delays are divided by it. */
  readonly pace: number;
  /** Opens a file that is imported, and keeps a copy. */
  examine(path: string): Promise<{ readonly facts: ImportFacts; readonly keptPath: string }>;
  /** Starts what runs behind an instance. */
  startMachine(order: Omit<MachineOrder, "cloud">): Promise<EmulatedMachine>;
}

/** The APIs of one vendor, of all its regions. */
export interface EmulatedCloud {
  readonly regions: readonly string[];
  readonly handler: WireHandler;
  /** What somebody has made and is there now, but for objects. */
  left(): readonly Resource[];
  /** Takes an instance back, as this cloud does; `isSudden`: without any notice. */
  reclaim(instanceId: string, isSudden: boolean): void;
  /** Ends all machines. */
  close(): Promise<void>;
}

export type Emulate = (surroundings: Surroundings) => EmulatedCloud;

/** By which names a vendor's services are reached, as patterns of CLOUDIMG_RESOLVE. The store's come first: domains overlap. */
export const domains: Readonly<
  Record<CloudName, { readonly store: readonly string[]; readonly api: readonly string[] }>
> = {
  tencent: { store: ["*.myqcloud.com"], api: ["*.tencentcloudapi.com"] },
  alibaba: { store: ["*oss-*.aliyuncs.com", "oss-*.aliyuncs.com"], api: ["*.aliyuncs.com"] },
  huawei: { store: ["*obs.*.myhuaweicloud.com", "obs.*.myhuaweicloud.com"], api: ["*.myhuaweicloud.com"] },
};

/** The same delays, shortened. */
export function paced<Delays extends object>(delays: Delays, pace: number): Delays {
  return Object.fromEntries(Object.entries(delays).map(([name, ms]) => [name, Number(ms) / pace])) as Delays;
}

/**
 * The TCP ports that a rule lets in, as the vendors write them: `22`, `22,80`, `8000-8010`, `22/22`, `ALL`.
 */
export function portsOf(text: string): number[] {
  const ports = text.split(",").flatMap((part) => {
    const [first, last] = /^(all|-1(\/-1)?)$/i.test(part.trim()) ? [1, 65_535] : part.split(/[-/]/).map(Number);
    if (first === undefined || !(first >= 1 && first <= 65_535)) return [];
    const count = Math.max(1, Math.min(65_535, last ?? first) - first + 1);
    return Array.from({ length: count }, (_, index) => first + index);
  });
  return [...new Set(ports)];
}
