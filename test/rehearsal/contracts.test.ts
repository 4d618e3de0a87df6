import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import type { WireRequest } from "../../src/rehearsal/http-server.ts";
import { type Field, type Fields, typedField } from "./contract-values.ts";
import {
  alibabaContract,
  checkExchange,
  checkRequest,
  checkResponse,
  contractSuite,
  huaweiContract,
  tencentContract,
  watched,
} from "./contracts.ts";

const require = createRequire(import.meta.url);

contractSuite("Tencent's contract", () => {
  const run = {
    Placement: { Zone: "ap-guangzhou-3" },
    ImageId: "img-1",
    InstanceChargeType: "SPOTPAID",
    SystemDisk: { DiskType: "CLOUD_BSSD", DiskSize: 50 },
    SecurityGroupIds: ["sg-1"],
    TagSpecification: [{ ResourceType: "instance", Tags: [{ Key: "cloudimg:run", Value: "1" }] }],
  };

  test("a good request has no problem", () => {
    expect(checkRequest("tencent", "RunInstances", run)).toEqual([]);
    expect(checkRequest("tencent", "cvm.RunInstances", run)).toEqual([]);
  });

  test.each([
    ["an unknown name", { ...run, Imageid: "x" }, "Imageid is unknown"],
    ["an unknown name deep inside", { ...run, Placement: { Zone: "z", Rack: 1 } }, "Placement.Rack is unknown"],
    ["a missing name", { ...run, Placement: {} }, "Placement.Zone is missing"],
    ["text for a number", { ...run, SystemDisk: { DiskSize: "50" } }, 'SystemDisk.DiskSize is "50", no int64'],
    ["a fraction", { ...run, SystemDisk: { DiskSize: 50.5 } }, "SystemDisk.DiskSize is 50.5, no int64"],
    ["one for a list", { ...run, SecurityGroupIds: "sg-1" }, "SecurityGroupIds is no list"],
    ["null", { ...run, ImageId: null }, "ImageId is null"],
    [
      "a word outside the enumeration",
      { ...run, TagSpecification: [{ ResourceType: "disc", Tags: [] }] },
      /^TagSpecification\[0\]\.ResourceType is "disc", none of instance, /,
    ],
    [
      "a member missing in a list",
      { ...run, TagSpecification: [{ ResourceType: "instance", Tags: [{ Key: "a" }] }] },
      "TagSpecification[0].Tags[0].Value is missing",
    ],
  ])("%s", (_, params, problem) => {
    expect(checkRequest("tencent", "RunInstances", params)).toEqual([expect.stringMatching(literal(problem))]);
  });

  test("answers: envelope, names, types, and errors that the action has", () => {
    const check = (Response: object) => checkResponse("tencent", "DescribeImages", { Response });
    expect(
      check({
        RequestId: "r",
        TotalCount: 1,
        ImageSet: [{ ImageId: "i", ImageState: "IMPORTING", SyncPercent: null }],
      }),
    ).toEqual([]);
    expect(check({ TotalCount: 1 })).toEqual(["RequestId is missing"]);
    expect(check({ RequestId: "r", ImageSet: [{ ImageState: "READY" }] })[0]).toContain("none of CREATING");
    expect(check({ RequestId: "r", Error: { Code: "InvalidImageId.Malformed", Message: "m" } })).toEqual([]);
    expect(check({ RequestId: "r", Error: { Code: "AuthFailure.SignatureFailure", Message: "m" } })).toEqual([]);
    expect(check({ RequestId: "r", Error: { Code: "Made.Up", Message: "m" } })).toEqual([
      "the error Made.Up is unknown",
    ]);
    expect(checkResponse("tencent", "DescribeImages", { RequestId: "r" })).toEqual(["it is no { Response }"]);
    expect(checkResponse("tencent", "Nothing", {})).toEqual(["the action Nothing is unknown"]);
  });

  test("what is on the wire is checked in both directions", () => {
    const request = {
      method: "POST",
      path: "/",
      query: "",
      host: "cvm.tencentcloudapi.com:80",
      headers: [["X-TC-Action", "DeleteImages"]],
      body: Buffer.from('{"ImageIds":["img-1"]}'),
    } satisfies WireRequest;
    expect(checkExchange("tencent", request, { status: 200, body: '{"Response":{"RequestId":"r"}}' })).toEqual([]);
    expect(
      checkExchange("tencent", { ...request, body: Buffer.from("{}") }, { status: 200, body: '{"Response":{}}' }),
    ).toEqual(["cvm.DeleteImages: ImageIds is missing", "cvm.DeleteImages answer: RequestId is missing"]);
    expect(checkExchange("tencent", request, { status: 502, body: "<html>" })).toEqual([]);
    expect(checkExchange("tencent", request, "drop")).toEqual([]);
    expect(checkExchange("tencent", request, { status: 200, body: "{cut" })).toEqual([
      "cvm.DeleteImages answer: it is no { Response }",
    ]);
  });

  test("a watched service answers as before, and its problems are collected", async () => {
    const { handler, problems } = watched("tencent", async () => ({ status: 200, body: "{}" }));
    const request: WireRequest = {
      method: "POST",
      path: "/",
      query: "",
      host: "cvm.tencentcloudapi.com",
      headers: [["X-TC-Action", "DescribeImages"]],
      body: Buffer.from('{"Limits":5}'),
    };
    expect(await handler(request, new AbortController().signal)).toEqual({ status: 200, body: "{}" });
    expect(problems).toEqual([
      "cvm.DescribeImages: Limits is unknown",
      "cvm.DescribeImages answer: it is no { Response }",
    ]);
  });

  test("the installed SDK knows all that the contract names", () => {
    for (const [service, { version, actions, objects }] of Object.entries(tencentContract().services)) {
      const folder = `v${version.replaceAll("-", "")}`;
      const path = `tencentcloud-sdk-nodejs/tencentcloud/services/${service}/${folder}/${service}_models.d.ts`;
      const interfaces = readInterfaces(readFileSync(require.resolve(path), "utf8"));
      for (const [action, contract] of Object.entries(actions)) {
        const own = interfaces.get(`${action}Request`);
        expect(missing(contract.in, own), `${action}Request`).toEqual([]);
        expect(missing(contract.out, interfaces.get(`${action}Response`)), `${action}Response`).toEqual([]);
        const required = [...(own ?? [])].filter(([, isRequired]) => isRequired).map(([name]) => name);
        expect(requiredOf(contract.in), `${action}Request`).toEqual(required.sort());
      }
      for (const [name, fields] of Object.entries(objects)) {
        expect(missing(fields, interfaces.get(name)), `${service} ${name}`).toEqual([]);
      }
    }
  });
});

contractSuite("Alibaba's contract", () => {
  const run = {
    RegionId: "cn-hangzhou",
    InstanceType: "ecs.e-c1m1.large",
    "SystemDisk.Size": "40",
    "SystemDisk.Category": "cloud_essd",
    "Tag.1.Key": "a",
    "Tag.1.Value": "",
    "Tag.2.Key": "b",
    "SecurityGroupIds.1": "sg-1",
    InternetMaxBandwidthOut: "5",
    DryRun: "true",
  };

  test("a good request has no problem, common parameters included", () => {
    expect(checkRequest("alibaba", "RunInstances", run)).toEqual([]);
    const old = { ...run, Action: "RunInstances", Version: "2014-05-26", SignatureNonce: "1", ResourceOwnerId: "1" };
    expect(checkRequest("alibaba", "RunInstances", old)).toEqual([]);
    expect(checkRequest("alibaba", "DescribeImages", { RegionId: "r", Status: "Creating,Available" })).toEqual([]);
    expect(checkRequest("alibaba", "DescribeImages", { RegionId: "r", Status: "Creating,Ready" })).toHaveLength(1);
    expect(
      checkRequest("alibaba", "DescribeInstances", { RegionId: "r", InstanceIds: '["i-1"]', "Filter.1.Key": "a" }),
    ).toEqual([]);
  });

  test.each([
    ["an unknown name", { ...run, ImageID: "x" }, "ImageID is unknown"],
    ["an unknown name in a list", { ...run, "Tag.1.Name": "x" }, "Tag[0].Name is unknown"],
    ["a missing name", { ...run, RegionId: undefined as never }, "RegionId is missing"],
    ["a list of its own making", { ...run, Tag: '[{"Key":"a"}]' }, /^Tag is no list$|both a value and a list/],
    ["a list with a gap", { ...run, "Tag.4.Key": "d" }, "Tag.4 is no 3: lists are numbered from 1 without gaps"],
    ["a list from 0", { ...run, "SecurityGroupIds.0": "d" }, /^SecurityGroupIds\.0 is no 1/],
    ["no number", { ...run, InternetMaxBandwidthOut: "lots" }, 'InternetMaxBandwidthOut is "lots", no number'],
    ["no truth value", { ...run, DryRun: "1" }, 'DryRun is "1", no boolean'],
    [
      "outside the enumeration",
      { ...run, "SystemDisk.Category": "floppy" },
      /^SystemDisk\.Category is "floppy", none of /,
    ],
    ["a member of what has none", { ...run, "InstanceType.1": "x" }, /InstanceType/],
  ])("%s", (_, params, problem) => {
    const defined = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
    const problems = checkRequest("alibaba", "RunInstances", defined);
    expect(problems[0]).toMatch(literal(problem));
  });

  test("answers: names, types, enumerations, and errors that the action has", () => {
    const check = (body: object) => checkResponse("alibaba", "DescribeImages", { RequestId: "r", ...body });
    expect(check({ TotalCount: 1, Images: { Image: [{ ImageId: "m-1", Status: "Creating", Size: 40 }] } })).toEqual([]);
    expect(check({ Images: [] })).toEqual(["Images is no object"]);
    expect(check({ Images: { Image: [{ Status: "Ready" }] } })[0]).toContain('Images.Image[0].Status is "Ready"');
    expect(check({ TotalCount: "1" })).toEqual(['TotalCount is "1", no number']);
    const error = { Code: "InvalidAction.NotFound", Message: "m", HostId: "h", Recommend: "u" };
    expect(check(error)).toEqual([]);
    expect(check({ ...error, Code: "Made.Up" })).toEqual(["the error Made.Up is unknown"]);
    expect(checkResponse("alibaba", "DescribeImages", {})).toEqual(["RequestId is missing"]);
  });

  test("what is on the wire is checked in both directions", () => {
    const request = {
      method: "POST",
      path: "/",
      query: "RegionId=cn-hangzhou&ImageId=m-1&AddAccount.1=1",
      host: "ecs.cn-hangzhou.aliyuncs.com",
      headers: [["x-acs-action", "ModifyImageSharePermission"]],
      body: Buffer.alloc(0),
    } satisfies WireRequest;
    expect(checkExchange("alibaba", request, { status: 200, body: '{"RequestId":"r"}' })).toEqual([]);
    expect(
      checkExchange("alibaba", { ...request, query: "ImageId=m-1" }, { status: 200, body: '{"RequestId":"r","Ok":1}' }),
    ).toEqual(["ModifyImageSharePermission: RegionId is missing", "ModifyImageSharePermission answer: Ok is unknown"]);
  });

  test("the installed SDK knows all that the contract names, by the same types", () => {
    const sdk = require("@alicloud/ecs20140526") as Record<string, SdkModel>;
    for (const [action, contract] of Object.entries(alibabaContract().actions)) {
      expect(drift(contract.in, sdk[`${action}Request`]), `${action}Request`).toEqual([]);
      expect(drift(contract.out, sdk[`${action}ResponseBody`]), `${action}ResponseBody`).toEqual([]);
    }
  });
});

contractSuite("Huawei's contract", () => {
  const create = {
    method: "POST",
    path: "/v2/cloudimages/action",
    body: { name: "a", image_url: "b:k", min_disk: 40, is_config: true, image_tags: [{ key: "a", value: "b" }] },
  };

  test("a good request has no problem, and its operation is found by its path", () => {
    expect(checkRequest("huawei", "ims.CreateImage", create)).toEqual([]);
    expect(checkRequest("huawei", "ims", create)).toEqual([]);
    const list = { method: "GET", path: "/v2/cloudimages", query: { __imagetype: "private", limit: "50" } };
    expect(checkRequest("huawei", "ims.ListImages", list)).toEqual([]);
    expect(checkRequest("huawei", "ims", { method: "DELETE", path: "/v2/images/1" })).toEqual([]);
    for (const verb of ["os-start", "os-stop", "reboot"]) {
      const body = { [verb]: { servers: [{ id: "1" }], ...(verb === "os-start" ? {} : { type: "SOFT" }) } };
      expect(checkRequest("huawei", "ecs", { method: "POST", path: "/v1/p/cloudservers/action", body })).toEqual([]);
    }
    const detail = { method: "GET", path: "/v1/p/cloudservers/detail", query: { limit: "5" } };
    expect(checkRequest("huawei", "ecs", detail)).toEqual([]);
    const output = {
      method: "POST",
      path: "/v2.1/p/servers/1/action",
      body: { "os-getConsoleOutput": { length: "-1" } },
    };
    expect(checkRequest("huawei", "ecs", output)).toEqual([]);
  });

  test.each([
    ["an unknown name", { ...create, body: { ...create.body, imageUrl: "x" } }, "imageUrl is unknown"],
    ["text for a number", { ...create, body: { min_disk: "40" } }, 'min_disk is "40", no int'],
    ["outside the enumeration", { ...create, body: { hw_firmware_type: "efi" } }, /none of bios, uefi$/],
    ["a missing name", { ...create, body: { image_tags: [{ key: "a" }] } }, "image_tags[0].value is missing"],
    ["no body", { ...create, body: undefined }, "its body is missing"],
    ["an unknown query", { ...create, query: { x: "1" } }, "query: x is unknown"],
    ["another path", { ...create, path: "/v2/cloudimages/act" }, /is no operation of ims/],
    ["another method", { ...create, method: "PUT" }, /is no operation of ims/],
  ])("%s", (_, request, problem) => {
    expect(checkRequest("huawei", "ims", request)).toEqual([expect.stringMatching(literal(problem))]);
  });

  test("answers: names, types, and errors that the service has", () => {
    const check = (body: unknown) => checkResponse("huawei", "ims.CreateImage", body);
    expect(check({ job_id: "1" })).toEqual([]);
    expect(check({ jobId: "1" })).toEqual(["jobId is unknown"]);
    expect(check({ error: { code: "IMG.0057", message: "m" } })).toEqual([]);
    expect(check({ error: { code: "IMG.9999", message: "m" } })).toEqual(["the error IMG.9999 is unknown"]);
    expect(check({ error_code: "APIGW.0301", error_msg: "m" })).toEqual([]);
    expect(check({ itemNotFound: { code: 404, message: "m" } })).toEqual([]);
    expect(check({ itemLost: { code: 404, message: "m" } })).toEqual(["itemLost is unknown"]);
    expect(checkResponse("huawei", "ims.GlanceDeleteImage", undefined)).toEqual([]);
    expect(checkResponse("huawei", "ims.ListOsVersions", [{ platform: "Debian", version_list: [] }])).toEqual([]);
    expect(checkResponse("huawei", "ims.ListOsVersions", { body: [] })).toEqual(["the body is no list"]);
    const job = { status: "FAIL", job_id: "1", error_code: "IMG.0057", fail_reason: "why" };
    expect(checkResponse("huawei", "ims.ShowJob", job)).toEqual([]);
  });

  test("what is on the wire is checked in both directions", () => {
    const request = {
      method: "POST",
      path: "/v1/p/security-groups",
      query: "",
      host: "vpc.cn-north-4.myhuaweicloud.com",
      headers: [["content-type", "application/json"]],
      body: Buffer.from('{"security_group":{"name":"a"}}'),
    } satisfies WireRequest;
    expect(checkExchange("huawei", request, { status: 200, body: '{"security_group":{"id":"1","name":"a"}}' })).toEqual(
      [],
    );
    const addresses = { ...request, method: "GET", path: "/v1/p/publicips", query: "limit=5", body: Buffer.alloc(0) };
    expect(checkExchange("huawei", addresses, { status: 200, body: '{"publicips":[]}' })).toEqual([]);
    expect(
      checkExchange("huawei", { ...request, body: Buffer.from("{}") }, { status: 200, body: '{"group":{}}' }),
    ).toEqual(["vpc: security_group is missing", "vpc.CreateSecurityGroup answer: group is unknown"]);
  });
});

contractSuite("the contracts themselves", () => {
  test("every type is one that is checked", () => {
    const { services } = tencentContract();
    for (const { actions, objects } of Object.values(services)) {
      for (const { in: input, out } of Object.values(actions)) visit([input, out], objects);
      visit(Object.values(objects), objects);
    }
    for (const { in: input, out } of Object.values(alibabaContract().actions)) visit([input, out], {});
    for (const { ops, objects = {} } of Object.values(huaweiContract().services)) {
      visit(Object.values(objects), objects);
      for (const { query = {}, headers = {}, body, out } of Object.values(ops)) {
        visit([query, headers, ...(body === undefined ? [] : [{ body }]), { out } as Fields], objects);
      }
    }
  });
});

const types =
  /^(string|bool|boolean|int|int64|uint64|number|float|map|any|object|array|date|datetime|datetime_iso|\?)$/;

function visit(all: readonly Fields[], objects: Readonly<Record<string, Fields>>): void {
  for (const [name, field] of all.flatMap((fields) => Object.entries(fields) as [string, Field][])) {
    const { t, f } = typedField(field);
    const bare = t.replace(/^\[(.+)\]$/, "$1");
    if (!types.test(bare) && objects[bare] === undefined) throw new Error(`${name} is ${t}`);
    if (f !== undefined) visit([f], objects);
  }
}

function literal(problem: string | RegExp): RegExp {
  return typeof problem === "string" ? new RegExp(`^${problem.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`) : problem;
}

/** The interfaces of a file of typings: each name with whether it is required. */
function readInterfaces(text: string): Map<string, Map<string, boolean>> {
  return new Map(
    [...text.matchAll(/^export interface (\w+) \{\n([\s\S]*?)^\}/gm)].map(([, name, body]) => [
      name as string,
      new Map(
        [...(body as string).matchAll(/^ {4}(\w+)(\??):/gm)].map(([, field, mark]) => [field as string, mark === ""]),
      ),
    ]),
  );
}

function missing(fields: Fields, known: ReadonlyMap<string, boolean> | undefined): string[] {
  if (known === undefined) return Object.keys(fields);
  return Object.keys(fields).filter((name) => !known.has(name));
}

function requiredOf(fields: Fields): string[] {
  return Object.entries(fields)
    .filter(([, field]) => typedField(field).req === true)
    .map(([name]) => name)
    .sort();
}

interface SdkModel {
  names(): Record<string, string>;
  types(): Record<string, unknown>;
}

/** How a contract's fields differ from a model of the SDK: what it does not have, or has by another type. */
function drift(fields: Fields, model: SdkModel | undefined, path = ""): string[] {
  if (model === undefined) return [`${path || "the model"} is not in the SDK`];
  const byWireName = new Map(Object.entries(model.names()).map(([name, wire]) => [wire, model.types()[name]]));
  return Object.entries(fields).flatMap(([name, field]) => {
    const at = path === "" ? name : `${path}.${name}`;
    const { t, f } = typedField(field);
    const type = byWireName.get(name);
    if (type === undefined) return [`${at} is not in the SDK`];
    if (typeof type === "string") return type === t ? [] : [`${at} is ${t} here and ${type} in the SDK`];
    if (isModel(type)) return f === undefined ? [`${at} is ${t} here and a model in the SDK`] : drift(f, type, at);
    const { type: kind, itemType } = type as { type: string; itemType?: unknown };
    if (kind !== "array") return kind === t ? [] : [`${at} is ${t} here and ${kind} in the SDK`];
    if (isModel(itemType))
      return f === undefined ? [`${at} is ${t} here and a list in the SDK`] : drift(f, itemType, at);
    return t === `[${itemType}]` ? [] : [`${at} is ${t} here and [${itemType}] in the SDK`];
  });
}

function isModel(type: unknown): type is SdkModel {
  return typeof type === "function" && "names" in type;
}
