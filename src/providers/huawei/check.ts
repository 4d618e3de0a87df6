import type { Context } from "../../core/context.ts";
import { CloudimgError } from "../../core/errors.ts";
import type { CheckProblem } from "../cloud.ts";
import type { ObjectStore } from "../object-store.ts";
import type { HuaweiClient } from "./client.ts";

interface Limits {
  readonly [name: string]: number | undefined;
}

/** Everything that would fail later, as far as it can be asked for; one question that fails does not keep the others from being asked. */
export async function checkCloud(
  client: HuaweiClient,
  { bucket, store }: { readonly bucket: string; readonly store?: Pick<ObjectStore, "checkBucket"> | undefined },
  context: Context,
): Promise<CheckProblem[]> {
  const problems: CheckProblem[] = [];
  const ask = async (question: () => Promise<void>) => {
    try {
      await question();
      return true;
    } catch (error) {
      if (!(error instanceof CloudimgError)) throw error;
      for (const { message, hint } of error.problems)
        problems.push({ severity: "error", what: message, steps: hint === undefined ? [] : [hint] });
      return false;
    }
  };
  const isKnown = await ask(async () => {
    await client.projectId(context);
  });
  // Without a key that is known, all else would only say so again.
  if (!isKnown) return problems;
  await ask(async () => {
    const call = { what: "ask for the quota of images" };
    const { quotas } = await client.call<{ quotas: { resources: { type: string; used: number; quota: number }[] } }>(
      "ims.ShowImageQuota",
      call,
      context,
    );
    const images = quotas.resources.find(({ type }) => type === "image");
    if (images !== undefined && images.used >= images.quota)
      problems.push(
        full("private images", images.used, images.quota, "remove images: cloudimg images --provider huawei"),
      );
  });
  await ask(async () => {
    const call = { what: "ask for the limits of instances" };
    const { absolute } = await client.call<{ absolute: Limits }>("ecs.ShowServerLimits", call, context);
    for (const [what, used, most] of limits) {
      const [usedNow, mostNow] = [absolute[used], absolute[most]];
      // Less than none: there is no limit.
      if (usedNow !== undefined && mostNow !== undefined && mostNow >= 0 && usedNow >= mostNow)
        problems.push(full(what, usedNow, mostNow, "end instances: cloudimg instances --provider huawei"));
    }
  });
  if (store !== undefined) await ask(() => checkBucket(client.region, bucket, store, problems, context));
  return problems;
}

const limits = [
  ["instances", "totalInstancesUsed", "maxTotalInstances"],
  ["vCPUs", "totalCoresUsed", "maxTotalCores"],
  ["security groups", "totalSecurityGroupsUsed", "maxSecurityGroups"],
  ["public addresses", "totalFloatingIpsUsed", "maxTotalFloatingIps"],
] as const;

function full(what: string, used: number, most: number, step: string): CheckProblem {
  const steps = [step, "or ask for a higher quota: https://console.huaweicloud.com/quota"];
  return { severity: "error", what: `the account's quota of ${what} is used up: ${used} of ${most}`, steps };
}

async function checkBucket(
  region: string,
  bucket: string,
  store: Pick<ObjectStore, "checkBucket">,
  problems: CheckProblem[],
  context: Context,
): Promise<void> {
  const facts = await store.checkBucket(bucket, context);
  const steps = [`make a bucket of class Standard in ${region}, and name it`];
  if (facts.region !== undefined && facts.region !== region)
    problems.push({
      severity: "error",
      what: `the bucket ${bucket} is in ${facts.region}, but images are imported from buckets of their own region, ${region} (IMG.0058)`,
      steps,
    });
  if (facts.storageClass !== undefined && facts.storageClass !== "STANDARD")
    problems.push({
      severity: "error",
      what: `the bucket ${bucket} is of the class ${facts.storageClass}, but images are imported from Standard buckets only`,
      steps,
    });
}
