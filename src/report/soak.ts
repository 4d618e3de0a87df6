import { formatBytes } from "../core/format.ts";
import { showName } from "./names.ts";
import { drawSections, drawTable } from "./sections.ts";
import type { SoakFacts } from "./soak-facts.ts";
import { duration, percentage } from "./soak-scales.ts";

const mostOutages = 10;

/** What a soak has come to, in a page of text. */
export function describeSoak(facts: SoakFacts, files: { readonly report: string; readonly state: string }): string {
  const { name, observedMs, plannedMs, samples, checks, guest, gapCount, state } = facts;
  const head = ["", "AVAILABLE", "OUTAGES", "DOWN", "P50", "P90", "P99", "LONGEST"];
  const rows = checks.map(({ name: check, availability, outageCount, downMs, latency }) => [
    check,
    percentage(availability),
    String(outageCount),
    duration(downMs),
    ...[latency?.p50Ms, latency?.p90Ms, latency?.p99Ms, latency?.greatestMs].map((ms) =>
      ms === undefined ? "-" : duration(ms),
    ),
  ]);
  const outages = checks.flatMap((check) => check.outages.map((outage) => ({ ...outage, name: check.name })));
  const latest = outages.sort((a, b) => a.fromMs - b.fromMs).slice(-mostOutages);
  const { totalBytes, availableBytes, leastAvailableBytes, uptimeSeconds } = guest;
  const sections = [
    {
      title: `Soak of ${name}: ${duration(observedMs)} of ${duration(plannedMs)}, ${samples} looks${gapCount === 0 ? "" : `, ${gapCount} gaps when nobody looked`}`,
      lines: drawTable([head, ...rows], [1, 2, 3, 4, 5, 6, 7]),
    },
    ...(latest.length === 0
      ? []
      : [
          {
            title: latest.length < outages.length ? "The latest outages (UTC)" : "Outages (UTC)",
            lines: drawTable(
              latest.map(({ name: check, fromMs, toMs, fault }) => [
                check,
                new Date(fromMs).toISOString().slice(0, 19).replace("T", " "),
                toMs === undefined ? "goes on" : duration(toMs - fromMs),
                showName(fault),
              ]),
            ),
          },
        ]),
    {
      title: "Guest",
      rows: [
        ["restarts", `${guest.restarts}, of processes ${guest.processRestarts}`] as const,
        ...(uptimeSeconds === undefined ? [] : [["up for", duration(uptimeSeconds * 1000)] as const]),
        ...(totalBytes === undefined || availableBytes === undefined
          ? []
          : [
              [
                "memory",
                `${formatBytes(totalBytes)}, ${formatBytes(availableBytes)} available now, ${formatBytes(leastAvailableBytes ?? availableBytes)} at least`,
              ] as const,
            ]),
      ],
    },
    {
      title: "Files",
      rows: [
        ["report", files.report],
        ["samples", files.state],
      ] as const,
    },
  ].filter(({ title }) => title !== "Guest" || totalBytes !== undefined || guest.events.length > 0);
  const missed = checks.filter(({ availability }) => availability < facts.minAvailability).map((check) => check.name);
  return [
    drawSections(sections, undefined),
    ...(missed.length === 0
      ? []
      : [`FAILED: ${missed.join(" and ")}: less available than ${percentage(facts.minAvailability)}`]),
    ...(state === "interrupted" ? ["Interrupted: the same command goes on where it was; --restart begins anew."] : []),
  ].join("\n\n");
}
