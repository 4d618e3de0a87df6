import { createHash } from "node:crypto";
import type { WireAnswer, WireHandler, WireRequest } from "./http-server.ts";

/** How one call fails. */
export type Fault =
  /** The service's own error of that code, such as throttling; nothing is done. */
  | { readonly kind: "error"; readonly code: string }
  /** What a gateway in trouble answers, which is nothing of the service's; nothing is done. */
  | { readonly kind: "status"; readonly status: number }
  /** The connection is cut; nothing is done. */
  | { readonly kind: "drop" }
  /** All is done, and the connection cut instead of an answer. */
  | { readonly kind: "lost" };

/** Which calls fail, and how often. */
export interface FaultRule {
  /** `ecs.RunInstances`, `ims.*`, `*`: a service's and an operation's name. */
  readonly on: string;
  readonly fault: Fault;
  /** So many calls go well first. Default: 0. */
  readonly after?: number | undefined;
  /** So many fail. Default: 1; `Infinity`: all. */
  readonly times?: number | undefined;
  /** How likely one fails, 0 to 1, by the plan's seed. Default: 1. */
  readonly chance?: number | undefined;
}

export interface FaultPlan {
  add(rule: FaultRule): void;
  /** The fault that this call meets, if any: that of the first rule that has one. Each call counts. */
  take(service: string, operation: string): Fault | undefined;
  /** All that were met so far, as `ecs.RunInstances: drop`. */
  met(): readonly string[];
}

/** Scripted by its rules, and where these leave it to chance, by its seed: the same calls in the same order fail alike. */
export function makeFaultPlan(rules: readonly FaultRule[] = [], seed = ""): FaultPlan {
  const states = rules.map((rule) => ({ rule, seen: 0, done: 0 }));
  const met: string[] = [];
  return {
    add: (rule) => void states.push({ rule, seen: 0, done: 0 }),
    met: () => met,
    take(service, operation) {
      const name = `${service}.${operation}`;
      let taken: Fault | undefined;
      for (const [index, state] of states.entries()) {
        const { on, fault, after = 0, times = 1, chance = 1 } = state.rule;
        if (!isMeant(on, name, operation)) continue;
        state.seen += 1;
        if (taken !== undefined || state.seen <= after || state.done >= times) continue;
        if (chance < 1 && seededChance(`${seed} ${index} ${state.seen}`) >= chance) continue;
        state.done += 1;
        taken = fault;
      }
      if (taken !== undefined) met.push(`${name}: ${describeFault(taken)}`);
      return taken;
    },
  };
}

/**
 * A rule as text, for command lines: `RunInstances=drop`, `ecs.*=503*5`, `ImportImage=lost`, `*=Throttling*3@10` (three times, after ten calls that
 * go well), `*=500%20` (each fifth, by chance, without end). Undefined if it is none.
 */
export function parseFaultRule(text: string): FaultRule | undefined {
  const parts =
    /^([\w*-]+(?:\.[\w*-]+)?)=([A-Za-z][\w.]*|[1-5]\d\d)(?:\*(\d{1,6}))?(?:%(\d{1,3}))?(?:@(\d{1,6}))?$/.exec(text);
  if (parts === null) return undefined;
  const [, on, what, times, percent, after] = parts as unknown as [string, string, string, ...(string | undefined)[]];
  const chance = percent === undefined ? 1 : Number(percent) / 100;
  return {
    on,
    fault: /^\d/.test(what)
      ? { kind: "status", status: Number(what) }
      : what === "drop" || what === "lost"
        ? { kind: what }
        : { kind: "error", code: what },
    times: times !== undefined ? Number(times) : percent !== undefined ? Number.POSITIVE_INFINITY : 1,
    chance,
    after: Number(after ?? 0),
  };
}

/**
 * A service whose calls fail by the plan.
 *
 * @param nameOf service and operation of a request
 * @param render the service's own error; the plan decides before the service looks at the request, signatures included
 */
export function withFaults(
  handler: WireHandler,
  plan: FaultPlan,
  nameOf: (request: WireRequest) => { readonly service: string; readonly operation: string },
  render: (code: string, request: WireRequest) => WireAnswer,
): WireHandler {
  return async (request, signal) => {
    const { service, operation } = nameOf(request);
    const fault = plan.take(service, operation);
    switch (fault?.kind) {
      case undefined:
        return handler(request, signal);
      case "drop":
        return "drop";
      case "lost":
        await handler(request, signal);
        return "drop";
      case "status":
        return gatewayAnswer(fault.status);
      case "error":
        return render(fault.code, request);
    }
  };
}

/** Pages of gateways are no JSON and no XML of the service's. */
function gatewayAnswer(status: number): WireAnswer {
  return { status, headers: { "content-type": "text/html" }, body: `<html><h1>${status}</h1></html>` };
}

/**
 * Eventual consistency: how long nobody finds a thing that was just made. By its id alone, so that all who look agree, and not the same for all.
 *
 * @returns milliseconds, from 0 to `mostMs`
 */
export function unseenMs(id: string, mostMs: number, seed = ""): number {
  return Math.floor(seededChance(`${seed} unseen ${id}`) * (mostMs + 1));
}

/** Whether a rule is about that call. */
export function isMeant(on: string, name: string, operation: string): boolean {
  const pattern = on.replace(/[-.]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${pattern}$`).test(on.includes(".") ? name : operation);
}

function describeFault(fault: Fault): string {
  return fault.kind === "error" ? fault.code : fault.kind === "status" ? String(fault.status) : fault.kind;
}

/** From 0 to less than 1. */
function seededChance(text: string): number {
  return createHash("sha256").update(text).digest().readUIntBE(0, 6) / 2 ** 48;
}
