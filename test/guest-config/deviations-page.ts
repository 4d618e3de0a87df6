import { deviations } from "./deviations.ts";
import { furtherDeviations } from "./further-deviations.ts";
import { improvements } from "./network/improvements.ts";

/** What a case is about, by how its name begins; all others are about network-config. */
const areas: readonly (readonly [start: string, area: string])[] = [
  ["dsid-", "which source is chosen"],
  ["eni-", "Debian's /etc/network/interfaces"],
  ["pw-", "passwords"],
  ["vendordata-", "vendor data"],
];
const otherwise = "network-config";

const families: Readonly<Record<string, string>> = {
  "network-config-v1": "network-config version 1",
  "network-config-v2": "network-config version 2",
  "eni-network-interfaces": "Debian's /etc/network/interfaces",
};

/** docs/deviations.md, from the records that the tests themselves use. */
export function deviationsPage(): string {
  return [
    intro,
    "## In results that were recorded\n",
    "The tests compare with what cloud-init made of some 680 documents. In these it differs:\n",
    table(["about", "what is done here", "cases"], recordedRows()),
    "## In whole kinds of network documents\n",
    "Whatever the case: what cloud-init reads is read here, and this besides.\n",
    table(
      ["in", "what is done here"],
      improvements.map(({ families: names, reason }) => [
        names.map((name) => families[name] ?? name).join(", "),
        reason,
      ]),
    ),
    "## In what is done with them\n",
    table(
      ["about", "cloud-init", "here", "because"],
      furtherDeviations.map(({ area, cloudInit, here, reason }) => [area, cloudInit, here, reason]),
    ),
  ].join("\n");
}

const intro = `# Deviations from cloud-init

[cloudimg-init](initializer.md) obeys what cloud-init obeys, in the same way. Where it does something else on purpose, it is on this page; anything that is not is a
defect. Of [cloud-config](user-data.md), what is not supported at all is in the list of keys there.

This page is generated from the records that the tests use (\`test/guest-config/deviations.ts\`, \`further-deviations.ts\` and \`network/improvements.ts\`):
\`npx vitest run test/guest-config/deviations.test.ts --update\` writes it anew.
`;

function recordedRows(): string[][] {
  const rows = new Map<string, { area: string; reason: string; names: string[] }>();
  for (const [name, { reason }] of Object.entries(deviations)) {
    const area = areas.find(([start]) => name.startsWith(start))?.[1] ?? otherwise;
    const key = `${area}: ${reason}`;
    const row = rows.get(key) ?? { area, reason, names: [] };
    row.names.push(name);
    rows.set(key, row);
  }
  return [...rows.values()].map(({ area, reason, names }) => [
    area,
    reason,
    names.map((name) => `\`${name}\``).join("<br>"),
  ]);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return `${[line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n")}\n`;
}
