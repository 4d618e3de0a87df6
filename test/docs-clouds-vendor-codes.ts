import { CloudimgError } from "../src/core/errors.ts";
import { meanings as alibabaMeanings, EcsError, explain } from "../src/providers/alibaba/vendor-error.ts";
import { HuaweiError, meanings as huaweiMeanings } from "../src/providers/huawei/vendor-error.ts";
import { explainFault, meanings as storeMeanings } from "../src/providers/s3-faults.ts";
import { meanings as tencentMeanings, vendorError } from "../src/providers/tencent/vendor-error.ts";

/** What the code makes of a vendor's code. */
export interface CodeReader {
  /** Every pattern that it has a meaning for. */
  readonly patterns: readonly RegExp[];
  /** Our codes for a vendor's, in each way in which it may be met. */
  readonly meaningsOf: (vendorCode: string) => readonly string[];
}

const codeOf = (error: unknown) => (error instanceof CloudimgError ? error.code : "none");

const tencentActions = ["DescribeImages", "RunInstances", "TerminateInstances", "DeleteImages"];

export const readers: Readonly<Record<"tencent" | "alibaba" | "huawei" | "publishing", CodeReader>> = {
  tencent: {
    patterns: tencentMeanings.map(({ codes }) => codes),
    meaningsOf: (code) =>
      tencentActions.map((action) => codeOf(vendorError(action, "do it", Object.assign(new Error("no"), { code })))),
  },
  alibaba: {
    patterns: alibabaMeanings.map(([codes]) => codes),
    meaningsOf: (code) => [codeOf(explain("do it", new EcsError({ code, status: 400, message: "no" })))],
  },
  huawei: {
    patterns: huaweiMeanings.map(({ codes }) => codes),
    meaningsOf: (vendorCode) =>
      ["no", "the request has expired"].map((vendorMessage) => {
        const status = Number(/^HTTP (\d+)$/.exec(vendorCode)?.[1] ?? 400);
        return codeOf(new HuaweiError("do it", { status, vendorCode, vendorMessage, requestId: undefined }));
      }),
  },
  publishing: {
    patterns: storeMeanings.map(([codes]) => codes),
    meaningsOf: (Code) => {
      const answer = { Code, $metadata: { httpStatusCode: 403 } };
      return [codeOf(explainFault(Object.assign(new Error("no"), answer), "do it", "the store"))];
    },
  },
};

/** The alternatives of a pattern, those within groups too, each as a pattern: `^(a|b)\.c$|^d` has three. */
export function alternativesOf(source: string): string[] {
  return splitAtTop(source).flatMap((branch) => {
    const group = firstGroup(branch);
    if (group === undefined) return [branch];
    const { before, inside, after } = group;
    return alternativesOf(inside).flatMap((choice) => alternativesOf(after).map((rest) => `${before}${choice}${rest}`));
  });
}

function splitAtTop(source: string): string[] {
  const parts = [""];
  let depth = 0;
  for (let at = 0; at < source.length; at++) {
    const char = source[at] as string;
    if (char === "(") depth += 1;
    if (char === ")") depth -= 1;
    if (char === "|" && depth === 0) parts.push("");
    else parts[parts.length - 1] += char === "\\" ? source.slice(at, ++at + 1) : char;
  }
  return parts;
}

/** Of groups that must be there once; others stay as they are. */
function firstGroup(source: string): { before: string; inside: string; after: string } | undefined {
  const start = source.search(/(?<!\\)\(/);
  if (start < 0) return undefined;
  let depth = 0;
  for (let at = start; at < source.length; at++) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === "(") depth += 1;
    else if (source[at] === ")" && --depth === 0) {
      if (/^[?*+{]/.test(source.slice(at + 1))) return undefined;
      return { before: source.slice(0, start), inside: source.slice(start + 1, at), after: source.slice(at + 1) };
    }
  }
  return undefined;
}

/** What a code in a page stands for: `*` is anything, and nothing where a code is one without it. */
export function samplesOf(code: string): string[] {
  return [code.replaceAll("*", "Something")];
}
