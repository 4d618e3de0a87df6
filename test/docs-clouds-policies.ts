import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { CloudName } from "../src/providers/cloud.ts";
import { type OperationName, operations } from "../src/providers/huawei/operations.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Statement {
  readonly Action?: readonly string[];
  readonly action?: readonly string[];
}

const policies: Readonly<Record<CloudName, readonly string[]>> = {
  tencent: ["tencent"],
  alibaba: ["alibaba"],
  huawei: ["huawei", "huawei-global"],
};

/** All actions that a cloud's policies allow, sorted. */
export function allowedBy(cloud: CloudName): string[] {
  const statements = policies[cloud].flatMap((name): readonly Statement[] => {
    const policy = JSON.parse(readFileSync(`${root}docs/policies/${name}.json`, "utf8"));
    return policy.Statement ?? policy.statement;
  });
  return statements.flatMap(({ Action, action }) => Action ?? action ?? []).sort();
}

/** All actions that the code needs, sorted. A call without an entry in the tables below throws. */
export function neededActions(cloud: CloudName): string[] {
  const calls = { tencent: tencentCalls, alibaba: alibabaCalls, huawei: huaweiCalls }[cloud]();
  const stored = storeCalls().flatMap((call) => given(storeActions[cloud], call));
  return [...new Set([...calls, ...stored])].sort();
}

function tencentCalls(): string[] {
  return found("src/providers/tencent", /\bapi\(\s*"(\w+)",\s*"(\w+)"/g).map(
    ([, service, action]) => `${service}:${action}`,
  );
}

/** Networks are of a service of their own, whichever API they are asked for by. */
function alibabaCalls(): string[] {
  const calls = found("src/providers/alibaba", /\.call\(\s*"(\w+)"/g);
  return calls.map(([, action = ""]) => `${/V(pc|Switch)(es|s)?$/.test(action) ? "vpc" : "ecs"}:${action}`);
}

function huaweiCalls(): string[] {
  return (Object.keys(operations) as OperationName[]).flatMap((name) => given(huaweiActions, name));
}

/** Of the object store: each command of the SDK, and what a signed link is followed by. */
function storeCalls(): string[] {
  const commands = found("src/providers", /\bsdk\.(\w+)Command\(/g).map(([, name = ""]) => name);
  return [...new Set([...commands, "GetObject"])];
}

function found(directory: string, pattern: RegExp): RegExpMatchArray[] {
  return readdirSync(`${root}${directory}`)
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => [...readFileSync(`${root}${directory}/${name}`, "utf8").matchAll(pattern)]);
}

function given(table: Readonly<Record<string, readonly string[]>>, name: string): readonly string[] {
  const actions = table[name];
  if (actions === undefined) throw new TypeError(`no table says which rights ${name} needs`);
  return actions;
}

/**
 * By the stores' own tables (COS 598/57092, OSS "RAM Policy", OBS "Bucket actions" and "Object actions"). That an object is not there is told only to those
 * who may list the bucket: to others a HEAD of it is forbidden.
 */
const storeActions: Readonly<Record<CloudName, Readonly<Record<string, readonly string[]>>>> = {
  tencent: {
    HeadBucket: ["name/cos:HeadBucket"],
    GetBucketLocation: ["name/cos:GetBucketLocation"],
    HeadObject: ["name/cos:HeadObject", "name/cos:GetBucket"],
    GetObject: ["name/cos:GetObject"],
    PutObject: ["name/cos:PutObject"],
    DeleteObject: ["name/cos:DeleteObject"],
    CreateMultipartUpload: ["name/cos:InitiateMultipartUpload"],
    UploadPart: ["name/cos:UploadPart"],
    CompleteMultipartUpload: ["name/cos:CompleteMultipartUpload"],
    AbortMultipartUpload: ["name/cos:AbortMultipartUpload"],
    ListParts: ["name/cos:ListParts"],
    ListMultipartUploads: ["name/cos:ListMultipartUploads"],
  },
  alibaba: {
    HeadBucket: ["oss:GetBucketInfo", "oss:ListObjects"],
    GetBucketLocation: ["oss:GetBucketLocation"],
    HeadObject: ["oss:GetObject", "oss:ListObjects"],
    GetObject: ["oss:GetObject"],
    PutObject: ["oss:PutObject"],
    DeleteObject: ["oss:DeleteObject"],
    CreateMultipartUpload: ["oss:PutObject"],
    UploadPart: ["oss:PutObject"],
    CompleteMultipartUpload: ["oss:PutObject"],
    AbortMultipartUpload: ["oss:AbortMultipartUpload"],
    ListParts: ["oss:ListParts"],
    ListMultipartUploads: ["oss:ListMultipartUploads"],
  },
  huawei: {
    HeadBucket: ["obs:bucket:HeadBucket"],
    GetBucketLocation: ["obs:bucket:GetBucketLocation"],
    HeadObject: ["obs:object:GetObject", "obs:bucket:ListBucket"],
    GetObject: ["obs:object:GetObject"],
    PutObject: ["obs:object:PutObject"],
    DeleteObject: ["obs:object:DeleteObject"],
    CreateMultipartUpload: ["obs:object:PutObject"],
    UploadPart: ["obs:object:PutObject"],
    CompleteMultipartUpload: ["obs:object:PutObject"],
    AbortMultipartUpload: ["obs:object:AbortMultipartUpload"],
    ListParts: ["obs:object:ListMultipartUploadParts"],
    ListMultipartUploads: ["obs:bucket:ListBucketMultipartUploads"],
  },
};

/** By "Permissions and Supported Actions" in the API references of IMS, ECS, VPC, EIP and IAM. */
const huaweiActions: Readonly<Record<OperationName, readonly string[]>> = {
  "iam.KeystoneListProjects": ["iam:projects:listProjects"],
  "ims.CreateImage": ["ims:serverImages:create"],
  "ims.ListImages": ["ims:images:list"],
  "ims.GlanceDeleteImage": ["ims:images:delete"],
  // Jobs are asked for by whoever has begun them: no table has an action for it.
  "ims.ShowJob": [],
  "ims.ListOsVersions": ["ims:images:list"],
  "ims.ShowImageQuota": ["ims:quotas:get"],
  "ims.CopyImageInRegion": ["ims:images:copy", "ims:serverImages:create"],
  "ims.CopyImageCrossRegion": ["ims:images:copy", "ims:serverImages:create"],
  "ims.GlanceListImageMembers": ["ims:images:list"],
  "ims.BatchAddMembers": ["ims:images:share"],
  "ims.BatchAddOrDeleteTags": ["ims:images:update"],
  "ecs.CreatePostPaidServers": ["ecs:cloudServers:createServers", "vpc:publicIps:create"],
  "ecs.ShowJob": [],
  "ecs.ShowServer": ["ecs:cloudServers:showServer"],
  "ecs.ListServersDetails": ["ecs:cloudServers:list"],
  "ecs.DeleteServers": ["ecs:cloudServers:deleteServers", "vpc:publicIps:delete"],
  "ecs.ListFlavors": ["ecs:cloudServerFlavors:get"],
  "ecs.ShowServerLimits": ["ecs:cloudServerQuotas:get"],
  "ecs.NovaCreateKeypair": ["ecs:serverKeypairs:create"],
  "ecs.NovaListKeypairs": ["ecs:serverKeypairs:list"],
  "ecs.NovaShowKeypair": ["ecs:serverKeypairs:get"],
  "ecs.NovaDeleteKeypair": ["ecs:serverKeypairs:delete"],
  // Of the obsolete one, the tables have only what it depends on.
  "ecs.NovaGetConsoleOutput": ["ecs:servers:get"],
  "ecs.ShowServerConsoleOutput": ["ecs:cloudServers:getConsoleOutput"],
  "vpc.ListVpcs": ["vpc:vpcs:list"],
  "vpc.CreateVpc": ["vpc:vpcs:create"],
  "vpc.DeleteVpc": ["vpc:vpcs:delete"],
  "vpc.ListSubnets": ["vpc:subnets:get"],
  "vpc.ShowSubnet": ["vpc:subnets:get"],
  "vpc.CreateSubnet": ["vpc:subnets:create"],
  "vpc.DeleteSubnet": ["vpc:subnets:delete"],
  "vpc.ListSecurityGroups": ["vpc:securityGroups:get"],
  "vpc.CreateSecurityGroup": ["vpc:securityGroups:create"],
  "vpc.DeleteSecurityGroup": ["vpc:securityGroups:delete"],
  "vpc.CreateSecurityGroupRule": ["vpc:securityGroupRules:create"],
  "eip.ListPublicips": ["vpc:publicIps:list"],
  "eip.DeletePublicip": ["vpc:publicIps:delete"],
  // "Calls that are not in the table need no permission" (Billing API reference, "Policy-based authorization").
  "bss.ListOnDemandResourceRatings": [],
};
