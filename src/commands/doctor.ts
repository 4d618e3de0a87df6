import type { Invocation, Verb } from "./command.ts";
import { mirrorOption } from "./options.ts";

export const doctor: Verb = {
  name: "doctor",
  summary: "say what this host offers, what is missing, and how to get it",
  examples: ["cloudimg doctor", "cloudimg doctor --json"],
  args: [],
  options: [mirrorOption],
  async run({ options, context, result }: Invocation<{ mirror?: string }>) {
    const { examineHost } = await import("./examining.ts");
    const findings = await examineHost(options.mirror, context);
    const mark = { good: "✓", note: "·", bad: "✗" };
    const lines = findings.map(({ state, what, detail, hint }) =>
      [`${mark[state]} ${what.padEnd(14)} ${detail}`, ...(hint === undefined ? [] : [`    hint: ${hint}`])].join("\n"),
    );
    result(lines.join("\n"), { findings });
    return findings.some(({ state }) => state === "bad") ? 4 : 0;
  },
};
