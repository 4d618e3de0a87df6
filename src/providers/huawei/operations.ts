import { domainOf } from "./domain.ts";

/** The operations of Huawei Cloud's APIs that are used, as their references name them: IMS v2, ECS v1 and v2.1 (Nova), VPC v1, EIP v1, IAM v3, BSS v2. */
export const operations = {
  "iam.KeystoneListProjects": "GET /v3/projects",

  "ims.CreateImage": "POST /v2/cloudimages/action",
  "ims.ListImages": "GET /v2/cloudimages",
  "ims.GlanceDeleteImage": "DELETE /v2/images/{image_id}",
  "ims.ShowJob": "GET /v1/{project_id}/jobs/{job_id}",
  "ims.ListOsVersions": "GET /v1/cloudimages/os_version",
  "ims.ShowImageQuota": "GET /v1/cloudimages/quota",
  "ims.CopyImageInRegion": "POST /v1/cloudimages/{image_id}/copy",
  "ims.CopyImageCrossRegion": "POST /v1/cloudimages/{image_id}/cross_region_copy",
  "ims.GlanceListImageMembers": "GET /v2/images/{image_id}/members",
  "ims.BatchAddMembers": "POST /v1/cloudimages/members",
  "ims.BatchAddOrDeleteTags": "POST /v2/{project_id}/images/{image_id}/tags/action",

  "ecs.CreatePostPaidServers": "POST /v1/{project_id}/cloudservers",
  "ecs.ShowJob": "GET /v1/{project_id}/jobs/{job_id}",
  "ecs.ShowServer": "GET /v1/{project_id}/cloudservers/{server_id}",
  "ecs.ListServersDetails": "GET /v1/{project_id}/cloudservers/detail",
  "ecs.DeleteServers": "POST /v1/{project_id}/cloudservers/delete",
  "ecs.ListFlavors": "GET /v1/{project_id}/cloudservers/flavors",
  "ecs.ShowServerLimits": "GET /v1/{project_id}/cloudservers/limits",
  "ecs.NovaCreateKeypair": "POST /v2.1/{project_id}/os-keypairs",
  "ecs.NovaListKeypairs": "GET /v2.1/{project_id}/os-keypairs",
  "ecs.NovaShowKeypair": "GET /v2.1/{project_id}/os-keypairs/{keypair_name}",
  "ecs.NovaDeleteKeypair": "DELETE /v2.1/{project_id}/os-keypairs/{keypair_name}",
  "ecs.NovaGetConsoleOutput": "POST /v2.1/{project_id}/servers/{server_id}/action",
  // Newer than the above (API reference of 2026-11, "ShowServerConsoleOutput").
  "ecs.ShowServerConsoleOutput": "GET /v1/{project_id}/cloudservers/{server_id}/console-output",

  "vpc.ListVpcs": "GET /v1/{project_id}/vpcs",
  "vpc.CreateVpc": "POST /v1/{project_id}/vpcs",
  "vpc.DeleteVpc": "DELETE /v1/{project_id}/vpcs/{vpc_id}",
  "vpc.ListSubnets": "GET /v1/{project_id}/subnets",
  "vpc.ShowSubnet": "GET /v1/{project_id}/subnets/{subnet_id}",
  "vpc.CreateSubnet": "POST /v1/{project_id}/subnets",
  "vpc.DeleteSubnet": "DELETE /v1/{project_id}/vpcs/{vpc_id}/subnets/{subnet_id}",
  "vpc.ListSecurityGroups": "GET /v1/{project_id}/security-groups",
  "vpc.CreateSecurityGroup": "POST /v1/{project_id}/security-groups",
  "vpc.DeleteSecurityGroup": "DELETE /v1/{project_id}/security-groups/{security_group_id}",
  "vpc.CreateSecurityGroupRule": "POST /v1/{project_id}/security-group-rules",

  "eip.ListPublicips": "GET /v1/{project_id}/publicips",
  "eip.DeletePublicip": "DELETE /v1/{project_id}/publicips/{publicip_id}",

  "bss.ListOnDemandResourceRatings": "POST /v2/bills/ratings/on-demand-resources",
} as const satisfies Record<string, `${"GET" | "POST" | "DELETE"} /${string}`>;

export type OperationName = keyof typeof operations;

/** Public addresses have an API reference of their own, and VPC's host. */
const hostOfService: Readonly<Record<string, string>> = { eip: "vpc" };

/** `ims.cn-north-4.myhuaweicloud.com` */
export function hostOf(operation: OperationName, region: string): string {
  const service = operation.slice(0, operation.indexOf("."));
  // Billing is one service for all regions ("Endpoints" of its API reference).
  if (service === "bss") return "bss.myhuaweicloud.com";
  return `${hostOfService[service] ?? service}.${region}.${domainOf(region)}`;
}

export function methodAndPath(
  operation: OperationName,
  parameters: Readonly<Record<string, string>>,
): { readonly method: string; readonly path: string } {
  const [method = "", template = ""] = operations[operation].split(" ");
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name];
    // An empty one would be another operation: a list, or worse, the deletion of all.
    if (value === undefined || value === "" || /[/?#]|^\.\.?$/.test(value))
      throw new TypeError(`${operation}: no good ${name}`);
    return value;
  });
  return { method, path };
}
