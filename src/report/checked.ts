/** What a check found, as far as it is printed. */
interface PrintedFinding {
  readonly cloud: string;
  readonly severity: string;
  readonly vendorCode: string | undefined;
  readonly message: string;
  readonly fix: string;
}

/** The findings by cloud, each with what to do about it. */
export function describeFindings(
  findings: readonly PrintedFinding[],
  titles: Readonly<Record<string, string>>,
): string {
  return Object.entries(titles)
    .map(([cloud, title]) => {
      const own = findings.filter((finding) => finding.cloud === cloud);
      const errors = own.filter(({ severity }) => severity === "error").length;
      const verdict =
        errors > 0 ? `refused: ${count(errors, "error")}` : own.length === 0 ? "ready" : "ready, with remarks";
      const lines = own.flatMap(({ severity, vendorCode, message, fix }) => [
        `  ${severity.padEnd(8)} ${message}${vendorCode === undefined ? "" : ` [${vendorCode}]`}`,
        `  ${" ".repeat(8)} ${fix}`,
      ]);
      return [`${title}: ${verdict}`, ...lines].join("\n");
    })
    .join("\n\n");
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
