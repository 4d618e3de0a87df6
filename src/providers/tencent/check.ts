import type { Context } from "../../core/context.ts";
import { CloudimgError } from "../../core/errors.ts";
import { didYouMean } from "../../core/near-names.ts";
import type { CheckProblem } from "../cloud.ts";
import { findImages } from "./image-search.ts";
import { objectUrl } from "./images.ts";
import { chooseSystem } from "./operating-system.ts";
import type { Settings } from "./settings.ts";
import { vendorCodeOf } from "./vendor-error.ts";

type Check = (settings: Settings, context: Context) => Promise<readonly CheckProblem[]>;

/**
 * All that would fail later. With credentials that are refused, or in a region that does not exist, nothing else can be asked; beyond that each check is made, whatever the others find.
 * What Tencent does not let these credentials ask is a problem of its own.
 */
export async function checkTencent(
  settings: Settings,
  imageName: string | undefined,
  context: Context,
): Promise<CheckProblem[]> {
  const refused = await attempt(checkCredentials, settings, context);
  if (refused.length > 0) return [...refused];
  // Of a region that does not exist everything is refused.
  const region = await attempt(checkRegion, settings, context);
  if (region.some(({ what }) => what === noRegion(settings.region))) return [...region];
  const checks = [
    checkBucketName,
    checkSystems,
    checkQuota,
    checkDryRun,
    ...(imageName === undefined ? [] : [checkName(imageName)]),
  ];
  const found = await Promise.all(checks.map((check) => attempt(check, settings, context)));
  return [...region, ...found.flat()].filter(
    ({ what }, at, all) => all.findIndex((other) => other.what === what) === at,
  );
}

async function attempt(check: Check, settings: Settings, context: Context): Promise<readonly CheckProblem[]> {
  try {
    return await check(settings, context);
  } catch (error) {
    if (!(error instanceof CloudimgError)) throw error;
    const { message, hint } = error.problems[0];
    return [problem(message, ...(hint === undefined ? [] : [hint]), ...permissionSteps(error))];
  }
}

/** An action's name is in each message: what a policy has to allow. */
function permissionSteps(error: CloudimgError): string[] {
  if (error.code !== "cloud/denied") return [];
  const action = /\((\w+), request/.exec(error.message)?.[1];
  return [
    "open https://console.cloud.tencent.com/cam/policy as the account's owner",
    `make a policy that allows ${action ?? "the action"}, and attach it to the user of these keys`,
  ];
}

function problem(what: string, ...steps: string[]): CheckProblem {
  return { severity: "error", what, steps };
}

const checkCredentials: Check = async ({ api }, context) => {
  await api("sts", "GetCallerIdentity", null, { what: "use the credentials", context });
  return [];
};

const checkRegion: Check = async ({ api, region }, context) => {
  const { RegionSet = [] } = await api("cvm", "DescribeRegions", null, { what: "list the regions", context });
  const names = RegionSet.flatMap(({ Region = "", RegionState }) => (RegionState === "AVAILABLE" ? [Region] : []));
  if (names.includes(region)) return [];
  const near = didYouMean(region, names);
  const steps = [...(near === undefined ? [] : [near]), `regions: ${names.join(", ")}`];
  return [problem(noRegion(region), ...steps)];
};

function noRegion(region: string): string {
  return `Tencent Cloud has no region ${region}`;
}

/** The APPID is part of each bucket's name. */
const checkBucketName: Check = async ({ api, bucket }, context) => {
  const { AppId } = await api("cam", "GetUserAppId", null, { what: "ask for the account's APPID", context });
  if (AppId === undefined || bucket.endsWith(`-${AppId}`)) return [];
  const isNamed = /-\d{10}$/.test(bucket);
  const what = isNamed
    ? `the bucket ${bucket} belongs to another account: the APPID of this one is ${AppId}`
    : `the bucket's name ${bucket} lacks the account's APPID ${AppId}`;
  return [problem(what, `name it with its APPID: ${bucket.replace(/-\d{10}$/, "")}-${AppId}`)];
};

const checkSystems: Check = async ({ api }, context) => {
  chooseSystem(
    await api("cvm", "DescribeImportImageOs", null, { what: "ask what can be imported", context }),
    "x86_64",
  );
  return [];
};

const checkQuota: Check = async (settings, context) => {
  const { api, region } = settings;
  const { ImageNumQuota } = await api("cvm", "DescribeImageQuota", null, {
    what: "ask for the quota of images",
    context,
  });
  const images = await findImages(settings, {}, context);
  if (ImageNumQuota === undefined || images.length < ImageNumQuota) return [];
  const steps = ["remove images that are not needed any more", "or ask Tencent Cloud for a higher quota"];
  return [problem(`all ${ImageNumQuota} images that the account may have in ${region} are there`, ...steps)];
};

/** Whether these keys may import images with tags into this region. The object named need not be there: nothing is fetched. */
const checkDryRun: Check = async (settings, context) => {
  const body = {
    Architecture: "x86_64",
    OsType: "Other Linux",
    OsVersion: "-",
    ImageUrl: objectUrl(settings, "cloudimg-check"),
    ImageName: "cloudimg-check",
    Force: true,
    DryRun: true,
    TagSpecification: [{ ResourceType: "image", Tags: [{ Key: "cloudimg:run", Value: "check" }] }],
  };
  try {
    await settings.api("cvm", "ImportImage", body, { what: "import images", context });
  } catch (error) {
    // A dry run that would succeed may end in this error. Of what it says of its parameters only permissions, tags and the region's ability count.
    const code = vendorCodeOf(error) ?? "";
    const isTags = code === "InvalidParameterValue.TagKeyNotFound";
    if (code === "DryRunOperation" || (!isTags && /^Invalid(Parameter|ImageOs|ImageName)/.test(code))) return [];
    throw error;
  }
  return [];
};

function checkName(name: string): Check {
  return async (settings, context) => {
    const [taken] = await findImages(settings, { name }, context);
    if (taken === undefined) return [];
    if (taken.tags["cloudimg:image"] !== undefined) return [];
    const what = `the name ${name} is taken by the image ${taken.id}, which cloudimg has not made`;
    return [problem(what, "choose another name in the profile", `or remove that image in the console`)];
  };
}
