import { type Context, step } from "../core/context.ts";
import { CloudimgError, fail, type Problem } from "../core/errors.ts";
import type { BuiltImage } from "./provider.ts";
import type { ImportRunRequest } from "./publish-cloud-request.ts";

/** Everything that would fail later, told at once. Errors: `cloud/not-ready`, those of the cloud and of the store. */
export async function checkCloud(
  { cloud, store, configuration }: Pick<ImportRunRequest, "cloud" | "store" | "configuration">,
  context: Context,
): Promise<void> {
  await step(context, "check", "Check account, region and bucket", async () => {
    const problems = await cloud.check(context);
    for (const { severity, what, steps } of problems)
      if (severity === "warning")
        context.emit({ type: "log", level: "warning", message: what, hint: steps.join("\n") });
    const errors: Problem[] = problems
      .filter(({ severity }) => severity === "error")
      .map(({ what, steps }) => ({
        code: "cloud/not-ready",
        message: `cannot publish: ${what}`,
        hint: steps.length === 0 ? undefined : steps.join("\n"),
      }));
    if (errors.length > 0) throw new CloudimgError(errors);
    await store.checkBucket(configuration.bucket, context);
  });
}

/** Errors: `cloud/not-ready`. */
export function checkFormat({ format }: BuiltImage, { cloud }: Pick<ImportRunRequest, "cloud">): void {
  const { formats } = cloud.capabilities;
  if (!formats.includes(format))
    fail("cloud/not-ready", `cannot publish: ${cloud.name} does not import ${format}`, {
      hint: `it imports ${formats.join(", ")}: name one of them in output.formats`,
    });
}
