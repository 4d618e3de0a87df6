import { formatDuration } from "../core/format.ts";
import { escapeHtml, htmlCode, htmlFacts, htmlTable } from "./html.ts";
import { htmlConsole } from "./html-console.ts";
import { track } from "./html-timeline.ts";
import type { CloudFacts, StepFacts } from "./publish-facts.ts";
import { instancePrice } from "./publish-page-cost.ts";
import { ledgerPart } from "./publish-page-ledger.ts";

/** All about one cloud. */
export function cloudSection(cloud: CloudFacts, index: number, totalMs: number): string {
  const { title, region, run, outcome, steps } = cloud;
  return [
    `<section id="cloud-${index}"><h2>${escapeHtml(`${title}, ${region}`)}: ${outcomeWord(outcome)}</h2>`,
    run === undefined ? "" : `<p>Run ${htmlCode(run)}</p>`,
    ...cloud.errors.map(errorPart),
    outcome === "interrupted" ? "<p>Publish the same again: it goes on where it was.</p>" : "",
    imagesPart(cloud),
    instancePart(cloud),
    checksPart(cloud),
    steps.length === 0 ? "" : `<h3>Steps</h3>${stepTable(`Steps in ${title}`, steps, totalMs)}`,
    consolePart(cloud),
    screenshotPart(cloud),
    olderPart(cloud),
    ledgerPart(cloud),
    "</section>",
  ]
    .filter((part) => part !== "")
    .join("\n");
}

export function outcomeWord(outcome: CloudFacts["outcome"]): string {
  const classes = { done: "good", failed: "bad", interrupted: "warn" };
  const marks = { done: "✓", failed: "✗", interrupted: "‖" };
  return `<span class="${classes[outcome]}">${marks[outcome]} ${outcome}</span>`;
}

export function stepTable(caption: string, steps: readonly StepFacts[], totalMs: number): string {
  const words = {
    done: `<span class="good">✓ done</span>`,
    cached: `<span class="soft">= was done before</span>`,
    failed: `<span class="bad">✗ failed</span>`,
  };
  const rows = steps.map((step) => [
    escapeHtml(step.title),
    words[step.status],
    escapeHtml(formatDuration(step.durationMs)),
    track([step], totalMs),
    escapeHtml(step.note ?? ""),
  ]);
  return htmlTable(caption, ["Step", "Outcome", "Took", "When", "Note"], rows);
}

function errorPart({ code, message, hint }: CloudFacts["errors"][number]): string {
  const advice = hint === undefined ? "" : `<p>What to do: ${escapeHtml(hint)}</p>`;
  return `<div class="error"><p><span class="bad">Error</span> ${htmlCode(code)}</p><p>${escapeHtml(message)}</p>${advice}</div>`;
}

function imagesPart({ images }: CloudFacts): string {
  if (images.length === 0) return "";
  const rows = images.map(({ id, region, name, existed }) => [
    htmlCode(id),
    escapeHtml(region),
    escapeHtml(name),
    existed ? "was there before" : "made by this run",
  ]);
  return `<h3>Images</h3>${htmlTable("The image in each region", ["Id", "Region", "Name", "Origin"], rows)}`;
}

function instancePart({ instance, hostKeyFingerprint, steps }: CloudFacts): string {
  if (instance === undefined) return "";
  const { id, address, instanceType, zone, isSpot, price } = instance;
  const facts = htmlFacts([
    ["Id", htmlCode(id)],
    ["Address", address === "" ? undefined : htmlCode(address)],
    ["Type", instanceType && `${escapeHtml(instanceType)}${isSpot === true ? ", spot" : ""}`],
    ["Zone", zone && escapeHtml(zone)],
    ["Price", price && escapeHtml(instancePrice(price, steps))],
    ["ssh host key", hostKeyFingerprint && htmlCode(hostKeyFingerprint)],
  ]);
  return `<h3>Instance that the image was tested with</h3>${facts}`;
}

function checksPart({ checks }: CloudFacts): string {
  if (checks.length === 0) return "";
  const rows = checks.map(({ name, kind, ok, durationMs, attempts, detail }) => [
    escapeHtml(name),
    kind === "ssh" ? "ssh" : "HTTP",
    ok ? `<span class="good">✓ passed</span>` : `<span class="bad">✗ failed</span>`,
    escapeHtml(formatDuration(durationMs)),
    String(attempts),
    escapeHtml(detail),
  ]);
  return `<h3>Checks</h3>${htmlTable("Checks over ssh and HTTP", ["Check", "Over", "Outcome", "Took", "Attempts", "What was seen"], rows)}`;
}

function consolePart({ console: log, consoleFrom, title }: CloudFacts): string {
  if (log === undefined) return "";
  if (log.trim() === "") return "<h3>Console</h3><p>The console is empty.</p>";
  const from =
    consoleFrom === "guest"
      ? `<p>The instance itself has sent this log; ${escapeHtml(title)} has shown none.</p>`
      : consoleFrom === "cloud"
        ? `<p>As ${escapeHtml(title)} shows it.</p>`
        : "";
  return `<h3>Console</h3>${from}${htmlConsole(log, `Console of the instance in ${title}`)}`;
}

function screenshotPart({ screenshot, title }: CloudFacts): string {
  if (screenshot === undefined) return "";
  const type = screenshot.format === "jpg" ? "image/jpeg" : "image/png";
  const source = `data:${type};base64,${screenshot.base64.replace(/[^A-Za-z0-9+/=]/g, "")}`;
  return `<h3>Screen</h3><img src="${source}" alt="${escapeHtml(`The screen of the instance in ${title}`)}">`;
}

function olderPart({ deprecated, removed }: CloudFacts): string {
  if (deprecated.length + removed.length === 0) return "";
  const rows = [
    ...deprecated.map((id) => [htmlCode(id), "marked as superseded"]),
    ...removed.map((id) => [htmlCode(id), "removed"]),
  ];
  return `<h3>Older images</h3>${htmlTable("Images that gave way to this one", ["Id", "What became of it"], rows)}`;
}
