import { Argument, Option } from "commander";
import type { CheckedCloud } from "../providers/checked-clouds.ts";
import type { Invocation, Verb } from "./command.ts";

/** Read by `--help`; the rules themselves are loaded when they are needed. */
const clouds = ["tencent", "alibaba", "huawei", "local"] as const satisfies readonly CheckedCloud[];

export const check: Verb = {
  name: "check",
  summary: "check offline whether the clouds would take an image",
  examples: ["cloudimg check out/local.qcow2 --for tencent", "cloudimg check debian.qcow2 --for alibaba huawei --json"],
  args: [new Argument("<IMAGE>", "an image file of any format, made by whomever")],
  options: [
    new Option("--for <CLOUD...>", "the clouds to check for; default: the three that images are published to")
      .choices(clouds)
      .default(["tencent", "alibaba", "huawei"]),
  ],
  async run({ args, options, result }: Invocation<{ for: CheckedCloud[] }>) {
    const { checkImage } = await import("../examine/check.ts");
    const { examineImage } = await import("../examine/open.ts");
    const { imageRules } = await import("../providers/checked-clouds.ts");
    const { describeFindings } = await import("../report/checked.ts");
    const wanted = [...new Set(options.for)];
    const examined = examineImage(args[0] as string);
    try {
      const findings = checkImage(examined, wanted);
      const titles = Object.fromEntries(wanted.map((cloud) => [cloud, imageRules[cloud].title]));
      const isOk = findings.every(({ severity }) => severity !== "error");
      result(describeFindings(findings, titles), { image: examined.path, clouds: wanted, ok: isOk, findings });
      // Made, but failed its check.
      return isOk ? 0 : 8;
    } finally {
      examined.close();
    }
  },
};
