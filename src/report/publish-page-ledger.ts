import { escapeHtml, htmlCode, htmlTable } from "./html.ts";
import type { CloudFacts, LedgerFacts } from "./publish-facts.ts";

/** What was made and what became of it, and above all whether something is left that costs money. */
export function ledgerPart({ ledger, leftInCloud, run }: CloudFacts): string {
  const left = ledger.filter(({ state }) => state === "left");
  return [
    "<h3>What is left in the cloud</h3>",
    verdict(left.length, ledger, leftInCloud === undefined ? howToClean(run) : goneWithCloud),
    cloudsWord(leftInCloud),
    ledger.length === 0 ? "" : ledgerTable("Everything that was made, by our own records", sorted(ledger)),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

/** A cloud that was played tells what is left in it. */
const goneWithCloud = "In a rehearsal they are gone with the played cloud; for real, a next try goes on with them.";

function verdict(left: number, ledger: readonly LedgerFacts[], advice: string): string {
  if (left > 0)
    return `<p><span class="bad">✗ ${left} ${left === 1 ? "thing is" : "things are"} left</span> and may cost money. ${advice}</p>`;
  const kept = ledger.filter(({ state }) => state === "kept").length;
  const meant =
    kept === 0 ? "" : ` but the ${kept === 1 ? "one thing that is" : `${kept} things that are`} meant to stay`;
  return `<p><span class="good">✓ Nothing is left</span>${meant}.</p>`;
}

function cloudsWord(there: CloudFacts["leftInCloud"]): string {
  if (there === undefined) return "";
  if (there.length === 0) return "<p>The cloud itself says the same.</p>";
  return `<p><span class="bad">✗ The cloud itself says that ${there.length} ${there.length === 1 ? "thing is" : "things are"} there.</span></p>
${ledgerTable("What the cloud says is there", there)}`;
}

function howToClean(run: string | undefined): string {
  return run === undefined
    ? `Remove it with ${htmlCode("cloudimg clean --by-tags")}`
    : `Remove it with ${htmlCode(`cloudimg clean ${run}`)}`;
}

/** What is left first. */
function sorted(ledger: readonly LedgerFacts[]): LedgerFacts[] {
  const order = { left: 0, kept: 1, removed: 2 };
  return [...ledger].sort((a, b) => order[a.state] - order[b.state]);
}

function ledgerTable(caption: string, entries: readonly LedgerFacts[]): string {
  const words = {
    left: `<span class="bad">✗ left</span>`,
    kept: "kept, as meant",
    removed: `<span class="soft">removed</span>`,
  };
  const rows = entries.map(({ kind, id, region, name, state, fault }) => [
    escapeHtml(kind),
    htmlCode(id),
    escapeHtml(region),
    escapeHtml(name ?? ""),
    `${words[state]}${fault === undefined ? "" : `: ${escapeHtml(fault)}`}`,
  ]);
  return htmlTable(caption, ["Kind", "Id", "Region", "Name", "State"], rows);
}
