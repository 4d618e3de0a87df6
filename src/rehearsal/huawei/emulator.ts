import { methodAndPath, type OperationName, operations } from "../../providers/huawei/operations.ts";
import { headerOf, type WireAnswer, type WireHandler, type WireRequest } from "../http-server.ts";
import { verifySdkHmac } from "../signatures/sdk-hmac.ts";
import { bssOperations } from "./bss.ts";
import { type Answer, Denial, fieldsOf, type Operation, ok } from "./call.ts";
import { ecsOperations } from "./ecs.ts";
import { imsOperations } from "./ims.ts";
import { vpcOperations } from "./vpc.ts";
import type { HuaweiWorld } from "./world.ts";

export interface ServedCall {
  /** Undefined: there is no such one. */
  readonly operation: OperationName | undefined;
  readonly request: WireRequest;
  /** 0: the connection was cut. */
  readonly status: number;
  readonly body: unknown;
}

export interface HuaweiEmulator {
  /** Whether a host name is one of its services'. */
  owns(host: string): boolean;
  readonly handler: WireHandler;
}

const iamOperations = {
  "iam.KeystoneListProjects": ({ world, query }) => {
    const name = query.get("name");
    const projects = world.regions
      .filter((region) => name === null || region === name)
      .map((region) => ({
        id: world.account.projectIn(region),
        name: region,
        domain_id: world.account.accountId,
        enabled: true,
      }));
    return ok({ projects });
  },
} as const satisfies Record<string, Operation>;

const all: Readonly<Record<OperationName, Operation>> = {
  ...iamOperations,
  ...imsOperations,
  ...ecsOperations,
  ...vpcOperations,
  ...bssOperations,
};

const routes = (Object.keys(operations) as OperationName[]).map((name) => {
  const template = operations[name].replace(/^\S+ /, "");
  const { method } = methodAndPath(name, new Proxy({}, { get: () => "any" }));
  const service = name.startsWith("eip.") ? "vpc" : name.slice(0, name.indexOf("."));
  const pattern = new RegExp(`^${template.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);
  // What has fewer parameters is meant first: `cloudservers/detail` is no server's id.
  return { name, method, service, pattern, parameters: template.split("{").length };
});
routes.sort((one, other) => one.parameters - other.parameters);

/** Huawei Cloud's APIs of all its regions, as far as the provider uses them. `onServed` is told of each request and its answer. */
export function huaweiEmulator(world: HuaweiWorld, onServed: (call: ServedCall) => void = () => {}): HuaweiEmulator {
  let count = 0;
  const serve = async (request: WireRequest, operation: OperationName | undefined): Promise<WireAnswer | "drop"> => {
    const fault = operation === undefined ? undefined : world.faults.take(...split(operation));
    const told = (status: number, body: unknown): WireAnswer => {
      onServed({ operation, request, status, body });
      count += 1;
      const headers = { "content-type": "application/json", "x-request-id": `rehearsal-${count}` };
      return { status, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    };
    const cut = () => {
      onServed({ operation, request, status: 0, body: undefined });
      return "drop" as const;
    };
    if (fault?.kind === "drop") return cut();
    if (fault?.kind === "status")
      return { status: fault.status, headers: { "content-type": "text/html" }, body: "<html></html>" };
    if (fault?.kind === "error") return told(400, { error: { code: fault.code, message: "as was asked for" } });
    const answer = await answerOf(world, request, operation);
    return fault?.kind === "lost" ? cut() : told(answer.status, answer.body);
  };
  return {
    owns: (host) => placeOf(world, host) !== undefined,
    handler: async (request) => await serve(request, routeOf(world, request)?.name),
  };
}

function split(operation: OperationName): [service: string, operation: string] {
  const at = operation.indexOf(".");
  return [operation.slice(0, at), operation.slice(at + 1)];
}

async function answerOf(
  world: HuaweiWorld,
  request: WireRequest,
  operation: OperationName | undefined,
): Promise<Answer> {
  const verdict = verifySdkHmac(request, { keyOf: world.keys.keyOf, times: world.clock.signingTimes() });
  if (!verdict.ok) return { status: verdict.status, body: { error_code: verdict.code, error_msg: verdict.message } };
  const route = routeOf(world, request);
  if (operation === undefined || route === undefined)
    return {
      status: 404,
      body: { error_code: "APIGW.0101", error_msg: "The API does not exist or has not been published" },
    };
  const project = world.account.projectIn(route.region);
  const isOurs = (id: string) =>
    id === project ||
    (route.service === "bss" && world.regions.some((region) => id === world.account.projectIn(region)));
  const named = [route.path["project_id"], headerOf(request, "x-project-id")];
  if (named.some((id) => id !== undefined && !isOurs(id)))
    return { status: 403, body: { error_code: "APIGW.0302", error_msg: "Incorrect project_id" } };
  const text = request.body.toString();
  try {
    const body = fieldsOf(text === "" ? {} : JSON.parse(text));
    const token = headerOf(request, "x-client-token");
    const { region, path } = route;
    return await all[operation]({
      world,
      region,
      project,
      path,
      query: new URLSearchParams(request.query),
      body,
      token,
      text,
    });
  } catch (error) {
    if (error instanceof Denial) return { status: error.status, body: error.body };
    if (error instanceof SyntaxError)
      return { status: 400, body: { error: { code: "Common.0011", message: "no JSON" } } };
    throw error;
  }
}

function placeOf(world: HuaweiWorld, host: string): { readonly service: string; readonly region: string } | undefined {
  // Billing knows no regions: whose project is asked for is said in the body.
  if (/^bss\.myhuaweicloud\.com(?::\d+)?$/.test(host)) return { service: "bss", region: world.regions[0] ?? "" };
  const [, service = "", region = ""] = /^(iam|ims|ecs|vpc)\.([\w-]+)\.myhuaweicloud\.com(?::\d+)?$/.exec(host) ?? [];
  return world.regions.includes(region) ? { service, region } : undefined;
}

function routeOf(world: HuaweiWorld, { method, path, host }: WireRequest) {
  const place = placeOf(world, host);
  if (place === undefined) return undefined;
  for (const route of routes) {
    if (route.method !== method || route.service !== place.service) continue;
    const match = route.pattern.exec(path);
    if (match === null) continue;
    const parameters = Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]);
    return {
      name: route.name,
      service: route.service,
      region: place.region,
      path: Object.fromEntries(parameters) as Record<string, string>,
    };
  }
  return undefined;
}
