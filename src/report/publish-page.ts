import { formatBytes, formatDuration } from "../core/format.ts";
import { escapeHtml, htmlCode, htmlFacts, htmlPage, htmlTable } from "./html.ts";
import { reportStyle } from "./html-style.ts";
import { endOf, timelineLanes } from "./html-timeline.ts";
import type { CloudFacts, PublishFacts } from "./publish-facts.ts";
import { cloudSection, outcomeWord, stepTable } from "./publish-page-cloud.ts";

/** The report of a publish as one page: works offline, without scripts, in light and dark, on a phone and on paper. The same facts give the same bytes. */
export function publishPage(facts: PublishFacts): string {
  const { profile, clouds, steps } = facts;
  const spans = [...steps, ...clouds.flatMap((cloud) => cloud.steps)];
  const totalMs = Math.max(facts.durationMs, endOf(spans));
  const body = [
    `<header><h1>${escapeHtml(profile)}: ${headline(facts)}</h1>${overview(facts)}</header>`,
    "<main>",
    outcomes(facts),
    timeline(facts, totalMs),
    ...(steps.length === 0
      ? []
      : [`<section><h2>Build</h2>${stepTable("Steps of the build", steps, totalMs)}</section>`]),
    ...clouds.map((cloud, index) => cloudSection(cloud, index, totalMs)),
    "</main>",
    `<footer>Written by cloudimg. This page needs nothing but itself.</footer>`,
  ].join("\n");
  return htmlPage({ title: `${profile}: publish`, style: reportStyle, body });
}

function timeline({ steps, clouds }: PublishFacts, totalMs: number): string {
  const build = steps.length === 0 ? [] : [{ name: "Build", spans: steps }];
  const lanes = [...build, ...clouds.map((cloud) => ({ name: nameOf(cloud), spans: cloud.steps }))];
  return `<figure><figcaption><b>When what was done</b> <span class="soft">(each step is in the tables below)</span></figcaption>
${timelineLanes(lanes, totalMs)}</figure>`;
}

function nameOf({ title, region }: CloudFacts): string {
  return `${title}, ${region}`;
}

function headline({ clouds, isRehearsal }: PublishFacts): string {
  const done = clouds.filter(({ outcome }) => outcome === "done").length;
  const what = isRehearsal ? "rehearsed" : "published";
  if (done > 0 && done === clouds.length) return `<span class="good">${what}</span>`;
  if (done > 0) return `<span class="bad">${what} to ${done} of ${clouds.length} clouds</span>`;
  return `<span class="bad">not ${what}</span>`;
}

function overview({ startedAt, durationMs, image, isRehearsal }: PublishFacts): string {
  return [
    isRehearsal
      ? `<p class="warn">A rehearsal: the clouds were emulated on this machine. Nothing was published, and nothing was billed.</p>`
      : "",
    htmlFacts([
      ["Begun", `<time datetime="${escapeHtml(startedAt)}">${escapeHtml(startedAt)}</time>`],
      ["Took", escapeHtml(formatDuration(durationMs))],
      ["Image", image && escapeHtml(image.name)],
      [
        "File",
        image && `${htmlCode(image.path)} (${escapeHtml(image.format)}, a disk of ${formatBytes(image.diskSizeBytes)})`,
      ],
      ["SHA-256", image && `${htmlCode(image.identity)} of the raw disk`],
    ]),
  ].join("\n");
}

function outcomes({ clouds }: PublishFacts): string {
  const rows = clouds.map((cloud, index) => [
    `<a href="#cloud-${index}">${escapeHtml(cloud.title)}</a>`,
    escapeHtml(cloud.region),
    outcomeWord(cloud.outcome),
    cloud.images[0] === undefined ? "none" : htmlCode(cloud.images[0].id),
    checksWord(cloud),
    leftWord(cloud),
  ]);
  return htmlTable("Outcome", ["Cloud", "Region", "Outcome", "Image", "Checks", "Left over"], rows);
}

function checksWord({ checks }: CloudFacts): string {
  if (checks.length === 0) return "none made";
  const failed = checks.filter(({ ok }) => !ok).length;
  return failed === 0
    ? `<span class="good">${checks.length} passed</span>`
    : `<span class="bad">${failed} of ${checks.length} failed</span>`;
}

function leftWord({ ledger, leftInCloud = [] }: CloudFacts): string {
  const left = Math.max(ledger.filter(({ state }) => state === "left").length, leftInCloud.length);
  return left === 0 ? `<span class="good">nothing</span>` : `<span class="bad">${left}</span>`;
}
