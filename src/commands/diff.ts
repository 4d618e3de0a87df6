import { Argument, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";

interface DiffOptions {
  readonly content?: boolean;
  readonly ignoreTimes?: boolean;
  readonly exitCode?: boolean;
}

export const diff: Verb = {
  name: "diff",
  summary: "say in what two images differ, down to bytes",
  examples: [
    "cloudimg diff out/local.qcow2 out-before/local.qcow2",
    "cloudimg diff a.raw b.raw --content --ignore-times",
    "cloudimg diff a.raw b.vmdk --exit-code",
  ],
  args: [new Argument("<A>", "an image file of any format"), new Argument("<B>", "the one to compare it with")],
  options: [
    new Option("--content", "show how text files differ"),
    new Option("--ignore-times", "files that differ only in their modification time are equal"),
    new Option("--exit-code", "exit with 8 if the disks differ, not with 0"),
  ],
  async run({ args, options, context, result }: Invocation<DiffOptions>) {
    const { compareImages } = await import("../examine/compare-images.ts");
    const { examineImage } = await import("../examine/open.ts");
    const { describeDifference } = await import("./describe-difference.ts");
    const [a, b] = args as [string, string];
    const examinedA = examineImage(a);
    try {
      const examinedB = examineImage(b);
      try {
        const { content, ignoreTimes } = options;
        const compared = { signal: context.signal, text: content, ignoreTimes };
        const difference = await compareImages(examinedA, examinedB, compared);
        result(describeDifference(difference, { all: options.verbose === true }), difference);
        return options.exitCode === true && !difference.isEqual ? 8 : 0;
      } finally {
        examinedB.close();
      }
    } finally {
      examinedA.close();
    }
  },
};
