import { formatBytes, formatDuration } from "../core/format.ts";
import { table } from "./image.ts";
import type { CloudFacts, LedgerFacts, PublishFacts } from "./publish-facts.ts";

/** What a publish to clouds came to: images, instance and price, checks, and what is left. Of several clouds, whose steps were told all mixed, also the steps. */
export function describePublished(facts: PublishFacts, reportPath: string): string {
  const { image, clouds, isRehearsal } = facts;
  const sections = [
    ...(image === undefined
      ? []
      : [
          `Image\n${table([
            ["image", image.name],
            ["file", `${image.path}, a disk of ${formatBytes(image.diskSizeBytes)}`],
            ["SHA-256", `${image.identity} (of the raw disk)`],
          ])}`,
        ]),
    ...clouds.map((cloud) => describeCloud(cloud, { isRehearsal, hasSteps: clouds.length > 1 })),
    ...(isRehearsal ? ["A rehearsal: the clouds were played on this machine, and are gone."] : []),
    `Report: ${reportPath}`,
  ];
  return sections.join("\n\n");
}

function describeCloud(
  cloud: CloudFacts,
  { isRehearsal, hasSteps }: { readonly isRehearsal: boolean; readonly hasSteps: boolean },
): string {
  const { title, region, outcome, images, instance, hostKeyFingerprint, checks, steps } = cloud;
  const head = `${title}, ${region === "" ? "no region" : region}: ${outcomes[outcome]}`;
  const facts: [string, string][] = [
    ...images.map((image): [string, string] => [
      "image",
      `${image.id} in ${image.region}  ${image.name}${image.existed ? ", which was there already" : ""}`,
    ]),
    ...(instance === undefined ? [] : [["instance", describeInstance(instance)] as [string, string]]),
    ...(hostKeyFingerprint === undefined ? [] : [["host key", hostKeyFingerprint] as [string, string]]),
    ...cloud.deprecated.map((id): [string, string] => ["deprecated", id]),
    ...cloud.removed.map((id): [string, string] => ["removed", id]),
  ];
  const blocks = [
    head,
    table(facts),
    block(
      "Checks",
      checks.map(({ name, ok, durationMs, detail }) => [
        ok ? "passed" : "FAILED",
        `${name}  (${formatDuration(durationMs)})${ok ? "" : `: ${detail}`}`,
      ]),
    ),
    describeLedger(cloud, isRehearsal),
    block(
      "Steps",
      (hasSteps ? steps : []).map(({ id, durationMs, status, note }) => [
        id.padEnd(14),
        `${formatDuration(durationMs).padEnd(8)} ${status === "failed" ? "FAILED" : (note ?? "")}`.trimEnd(),
      ]),
    ),
  ];
  return blocks.filter((text) => text !== "").join("\n");
}

const outcomes = { done: "published", failed: "FAILED", interrupted: "interrupted" } as const;

function block(title: string, rows: readonly (readonly [string, string])[]): string {
  return rows.length === 0 ? "" : ` ${title}\n${table(rows)}`;
}

function describeInstance({ id, address, instanceType, zone, isSpot, price }: NonNullable<CloudFacts["instance"]>) {
  const words = [
    `${id}${address === "" ? "" : ` at ${address}`}`,
    ...(instanceType === undefined ? [] : [`${instanceType}${zone === undefined ? "" : ` in ${zone}`}`]),
    ...(isSpot === true ? ["spot"] : []),
    ...(price === undefined ? [] : [`${price.perHour} ${price.currency} an hour`]),
  ];
  return words.join(", ");
}

/** What a rehearsal has left is gone with it: nobody has to remove it. After a failure that is what a next try goes on with. */
function describeLedger({ run, ledger, leftInCloud, outcome }: CloudFacts, isRehearsal: boolean): string {
  if (run === undefined) return "";
  const left = leftInCloud ?? ledger.filter(({ state }) => state === "left");
  const title = ` Ledger of the run ${run}`;
  if (left.length > 0) {
    const way: [string, string][] = isRehearsal ? [] : [["remove it", `cloudimg clean ${run}`]];
    const word = isRehearsal && outcome !== "done" ? "would stay" : "LEFT";
    return `${title}\n${table([...left.map((entry) => describeLeft(entry, word)), ...way])}`;
  }
  const gone = ledger.filter(({ state }) => state === "removed").length;
  const kept = ledger.some(({ state }) => state === "kept") ? "; kept: what was published" : "";
  return `${title}\n${table([["empty", `nothing is left; removed: ${gone}${kept}`]])}`;
}

function describeLeft({ kind, id, region, fault }: LedgerFacts, word: string): [string, string] {
  return [word, `${kind} ${id} in ${region}${fault === undefined ? "" : `: ${fault}`}`];
}
