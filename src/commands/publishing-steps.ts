import type { Context } from "../core/context.ts";
import type { Event, EventSink } from "../core/events.ts";
import type { StepFacts } from "../report/publish-facts.ts";

/** What was done, for a report; one that is done again is there again. */
export interface StepRecorder {
  readonly context: Context;
  steps(): readonly StepFacts[];
}

/**
 * A context whose steps are remembered. Where several clouds are at work, their steps are told apart by `prefix` and `title`; the report has each in its own place and
 * needs neither.
 *
 * @param startedMs when the whole began, by `performance.now()`
 */
export function recordSteps(
  context: Context,
  startedMs: number,
  apart?: { readonly prefix: string; readonly title: string },
): StepRecorder {
  const steps: StepFacts[] = [];
  const begun = new Map<string, { title: string; startMs: number }>();
  const remember = (event: Event) => {
    if (event.type === "step-start")
      begun.set(event.id, { title: event.title, startMs: performance.now() - startedMs });
    if (event.type !== "step-end") return;
    const { id, status, durationMs, note } = event;
    const { title, startMs } = begun.get(id) ?? { title: id, startMs: performance.now() - startedMs - durationMs };
    steps.push({ id, title, status, startMs, durationMs, note });
  };
  const emit: EventSink = (event) => {
    remember(event);
    context.emit(apart === undefined ? event : toldApart(event, apart));
  };
  return {
    context: { ...context, emit },
    steps: () => steps.toSorted((a, b) => a.startMs - b.startMs),
  };
}

function toldApart(event: Event, { prefix, title }: { readonly prefix: string; readonly title: string }): Event {
  switch (event.type) {
    case "step-start":
      return { ...event, id: `${prefix}.${event.id}`, title: `${title}: ${event.title}` };
    case "step-progress":
    case "step-end":
      return { ...event, id: `${prefix}.${event.id}` };
    case "log":
      return { ...event, message: `${title}: ${event.message}` };
    default:
      return event;
  }
}
