import { mostKept } from "./soak-check-state.ts";
import type { GuestSeen, SoakSample } from "./soak-record.ts";

/** Something that should not happen to an instance that is left alone. */
export interface GuestEvent {
  readonly atMs: number;
  readonly kind: "restart" | "process-restart" | "process-gone" | "host-key";
  readonly detail: string;
}

/** What the guest said so far. */
export interface GuestState {
  latest?: GuestSeen | undefined;
  hostKey?: string | undefined;
  leastAvailableBytes?: number | undefined;
  /** The latest. */
  readonly events: GuestEvent[];
  readonly counts: Record<GuestEvent["kind"], number>;
}

export function newGuestState(): GuestState {
  return { events: [], counts: { restart: 0, "process-restart": 0, "process-gone": 0, "host-key": 0 } };
}

/** Gives what is new. */
export function addGuest(state: GuestState, { at, guest, hostKey }: SoakSample): GuestEvent[] {
  const events: GuestEvent[] = [];
  const tell = (kind: GuestEvent["kind"], detail: string) => events.push({ atMs: at, kind, detail });
  if (hostKey !== undefined) {
    if (state.hostKey !== undefined && state.hostKey !== hostKey)
      tell("host-key", `the ssh server shows the host key ${hostKey}, before it was ${state.hostKey}`);
    state.hostKey = hostKey;
  }
  if (guest !== undefined) {
    const before = state.latest;
    const hasRestarted = before?.bootId !== undefined && guest.bootId !== undefined && before.bootId !== guest.bootId;
    if (hasRestarted) {
      const up = guest.uptimeSeconds;
      tell("restart", `the guest has restarted${up === undefined ? "" : `, ${Math.round(up)} s before it was seen`}`);
    } else if (before !== undefined) compareProcesses(before, guest, tell);
    state.latest = { ...before, ...withoutUndefined(guest) };
    const { availableBytes } = guest;
    if (availableBytes !== undefined)
      state.leastAvailableBytes = Math.min(state.leastAvailableBytes ?? availableBytes, availableBytes);
  }
  for (const event of events) {
    state.events.push(event);
    state.counts[event.kind]++;
  }
  if (state.events.length > mostKept) state.events.splice(0, state.events.length - mostKept);
  return events;
}

/** A program with workers that come and go has restarted when none of its processes is one of before. */
function compareProcesses(
  before: GuestSeen,
  now: GuestSeen,
  tell: (kind: GuestEvent["kind"], detail: string) => void,
): void {
  for (const [name, pids] of Object.entries(now.processes ?? {})) {
    const old = before.processes?.[name];
    if (old === undefined) continue;
    if (pids.length === 0 && old.length > 0) tell("process-gone", `${name} does not run any more`);
    else if (pids.length > 0 && !pids.some((pid) => old.includes(pid)))
      tell("process-restart", `${name} ${old.length === 0 ? "runs again" : "has restarted"}`);
  }
}

function withoutUndefined(guest: GuestSeen): GuestSeen {
  return Object.fromEntries(Object.entries(guest).filter(([, value]) => value !== undefined));
}
