import type { Context } from "../../core/context.ts";
import { CloudimgError } from "../../core/errors.ts";
import type { CheckProblem } from "../cloud.ts";
import type { ObjectStore } from "../object-store.ts";
import type { EcsApi } from "./api.ts";
import type { ImportOptions } from "./images.ts";
import { importFields } from "./images.ts";
import { roleSteps, vendorCodeOf } from "./vendor-error.ts";

export interface CheckOptions extends ImportOptions {
  readonly bucket?: string | undefined;
  /** Where the bucket is. */
  readonly store?: Pick<ObjectStore, "checkBucket"> | undefined;
  /** Default: a name that nobody has. */
  readonly imageName?: string | undefined;
}

/** Everything that can be asked before anything is made: one problem does not hide the next. */
export async function checkCloud(api: EcsApi, options: CheckOptions, context: Context): Promise<CheckProblem[]> {
  const region = await checkRegion(api, context);
  // Without these, everything else fails for the same reason.
  if (region.length > 0) return region;
  return [
    ...checkName(options.imageName),
    ...(await checkBucket(api, options, context)),
    ...(await checkImport(api, options, context)),
  ];
}

async function checkRegion(api: EcsApi, context: Context): Promise<CheckProblem[]> {
  try {
    // Asked where every region is known: the host of a region that does not exist does not exist either.
    const answer = await api.call("DescribeRegions", {}, "reach Alibaba Cloud", context, "cn-hangzhou");
    const regions = (answer.regions?.region ?? []).flatMap(({ regionId }) => (regionId ? [regionId] : []));
    if (regions.includes(api.region)) return [];
    const steps = [`Choose one of these: ${regions.sort().join(", ")}.`];
    return [{ severity: "error", what: `the account has no region ${api.region}`, steps }];
  } catch (error) {
    return [problemOf(error)];
  }
}

/** As the parameter `ImageName` of `ImportImage` is described. */
function checkName(name: string | undefined): CheckProblem[] {
  if (name === undefined) return [];
  const rules: readonly (readonly [boolean, string])[] = [
    [name.length >= 2 && name.length <= 128, "have 2 to 128 characters"],
    [/^\p{L}/u.test(name), "start with a letter"],
    [!/^(aliyun|acs:)/i.test(name), "not start with aliyun or acs:"],
    [!/https?:\/\//.test(name), "not have http:// or https:// in it"],
    [/^[\p{L}\p{Nd}:_.-]*$/u.test(name), "be of letters, digits, and . : _ -"],
  ];
  const broken = rules.flatMap(([isKept, rule]) => (isKept ? [] : [rule]));
  if (broken.length === 0) return [];
  const what = `${JSON.stringify(name)} cannot be the name of an image`;
  return [{ severity: "error", what, steps: [`Choose another: it must ${broken.join(", and ")}.`] }];
}

async function checkBucket(api: EcsApi, { bucket, store }: CheckOptions, context: Context): Promise<CheckProblem[]> {
  if (bucket === undefined || store === undefined) return [];
  try {
    const { region, storageClass = "Standard" } = await store.checkBucket(bucket, context);
    const problems: CheckProblem[] = [];
    const bucketRegion = region?.replace(/^oss-/, "");
    if (bucketRegion !== undefined && bucketRegion !== api.region) {
      problems.push({
        severity: "error",
        what: `bucket ${bucket} is in ${bucketRegion}, but the image goes to ${api.region}: an import reads from its own region only`,
        steps: [`Name a bucket in ${api.region}, or import in ${bucketRegion} and copy the image.`],
      });
    }
    if (!/^standard$/i.test(storageClass)) {
      problems.push({
        severity: "warning",
        what: `bucket ${bucket} stores as ${storageClass}: an import cannot read what has to be restored first`,
        steps: ["Use a bucket of storage class Standard."],
      });
    }
    return problems;
  } catch (error) {
    return [problemOf(error)];
  }
}

/** A dry run: with all in order it "fails" with `DryRunOperation`. */
async function checkImport(api: EcsApi, options: CheckOptions, context: Context): Promise<CheckProblem[]> {
  const request = {
    name: options.imageName ?? `cloudimg-check-${api.connection.now()}`,
    description: "",
    object: { bucket: options.bucket ?? "cloudimg-check", key: "cloudimg-check.qcow2", sizeBytes: 0, sha256: "" },
    format: "qcow2",
    diskSizeBytes: 5 * 1024 ** 3,
    architecture: "amd64",
    firmware: "bios",
    hasNvme: true,
    tags: { "cloudimg:run": "check", "cloudimg:image": "check" },
  } as const;
  try {
    await api.call(
      "ImportImage",
      { ...importFields(request, api.region, options), dryRun: true },
      "import images",
      context,
    );
    return [];
  } catch (error) {
    const code = vendorCodeOf(error) ?? "";
    // Nothing has been uploaded yet, and a bucket has been looked at above.
    if (/^(DryRunOperation$|InvalidOSSObject\.|InvalidOSSBucket\.)/.test(code)) return [];
    return [problemOf(error)];
  }
}

function problemOf(error: unknown): CheckProblem {
  if (!(error instanceof CloudimgError)) throw error;
  if (/^NoSetRoletoECSServiceAcc?ount$/.test(vendorCodeOf(error) ?? "")) {
    return { severity: "error", what: `${error.message}`, steps: roleSteps };
  }
  const { hint } = error.problems[0];
  return { severity: "error", what: error.message, steps: hint === undefined ? [] : [hint] };
}
