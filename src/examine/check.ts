import { type CheckedCloud, imageRules } from "../providers/checked-clouds.ts";
import type { ImageRules, RuleName, Severity } from "../providers/image-rules.ts";
import { diskRules, type RuleCheck } from "./check-disk-rules.ts";
import { gatherFacts } from "./check-facts.ts";
import { systemRules } from "./check-system-rules.ts";
import type { ExaminedImage } from "./open.ts";

/** What a cloud minds about an image. */
export interface Finding {
  readonly cloud: CheckedCloud;
  readonly rule: RuleName;
  readonly severity: Severity;
  /** The vendor's own error code, if there is one for this. */
  readonly vendorCode: string | undefined;
  readonly message: string;
  readonly fix: string;
}

const checks: Readonly<Record<RuleName, RuleCheck>> = { ...diskRules, ...systemRules };
const rank: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };

/** Every rule of the clouds, applied to an image offline; for each cloud the worst first. */
export function checkImage(examined: ExaminedImage, clouds: readonly CheckedCloud[]): Finding[] {
  const facts = gatherFacts(examined);
  return clouds.flatMap((cloud) => {
    const rules: ImageRules = imageRules[cloud];
    const findings = (Object.keys(checks) as RuleName[]).flatMap((rule): Finding[] => {
      const minded = rules.rules[rule];
      if (minded === undefined) return [];
      const { severity, vendorCode, because, fix } = minded;
      return checks[rule](facts, rules).map((found) => ({
        ...{ cloud, rule, severity, vendorCode },
        message: because === undefined ? found.message : `${found.message}; ${because}`,
        fix: fix ?? found.fix,
      }));
    });
    return findings.sort((a, b) => rank[a.severity] - rank[b.severity]);
  });
}
