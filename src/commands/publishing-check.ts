import { type Context, step } from "../core/context.ts";
import { CloudimgError } from "../core/errors.ts";
import type { CloudName } from "../providers/cloud.ts";

/**
 * The rules of a cloud, applied to the file that is going to be uploaded: what an import would refuse after an hour, perhaps without a reason, is told now.
 *
 * Errors: `cloud/not-ready`, with all that is wrong.
 */
export async function checkImageFile(path: string, name: CloudName, context: Context): Promise<void> {
  const { checkImage } = await import("../examine/check.ts");
  const { examineImage } = await import("../examine/open.ts");
  await step(context, "check-image", "Check the image by the cloud's rules", (progress) => {
    const examined = examineImage(path);
    try {
      const findings = checkImage(examined, [name]);
      const [errors, warnings] = (["error", "warning"] as const).map((wanted) =>
        findings.filter(({ severity }) => severity === wanted),
      );
      for (const { message, fix } of warnings ?? [])
        context.emit({ type: "log", level: "warning", message: `the image: ${message}`, hint: fix });
      if (errors !== undefined && errors.length > 0)
        throw new CloudimgError(
          errors.map(({ message, fix, vendorCode }) => ({
            code: "cloud/not-ready" as const,
            message: `cannot publish the image: ${message}${vendorCode === undefined ? "" : ` (${vendorCode})`}`,
            hint: fix,
          })),
        );
      progress.note(warnings?.length === 0 ? "nothing is amiss" : `${warnings?.length} to be minded`);
    } finally {
      examined.close();
    }
  });
}
