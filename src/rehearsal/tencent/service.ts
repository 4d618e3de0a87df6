import { randomUUID } from "node:crypto";
import { headerOf, type WireAnswer, type WireHandler, type WireRequest } from "../http-server.ts";
import { verifyTc3 } from "../signatures/tc3.ts";
import { camActions, stsActions, tagActions } from "./account-actions.ts";
import { type Action, checkNames, type Input, ServiceError } from "./action.ts";
import { plainAnswer, takeFault } from "./faults.ts";
import { imageActions } from "./image-actions.ts";
import { importActions } from "./import-actions.ts";
import { instanceActions } from "./instance-actions.ts";
import { keyActions } from "./key-actions.ts";
import { networkActions } from "./network-actions.ts";
import { offerActions } from "./offer-actions.ts";
import { runActions } from "./run-action.ts";
import type { TencentWorld } from "./world.ts";

interface Service {
  readonly version: string;
  /** Whether X-TC-Region is demanded. */
  readonly isRegional: boolean;
  readonly actions: Readonly<Record<string, Action>>;
}

const cvm = { ...importActions, ...imageActions, ...keyActions, ...offerActions, ...runActions, ...instanceActions };

/** By the first label of the host: `cvm.tencentcloudapi.com`. */
export const tencentServices: Readonly<Record<string, Service>> = {
  cvm: { version: "2017-03-12", isRegional: true, actions: cvm },
  vpc: { version: "2017-03-12", isRegional: true, actions: networkActions },
  sts: { version: "2018-08-13", isRegional: true, actions: stsActions },
  cam: { version: "2019-01-16", isRegional: false, actions: camActions },
  tag: { version: "2018-08-13", isRegional: false, actions: tagActions },
};

export function isTencentApi(host: string): boolean {
  const [label = ""] = host.split(".");
  return tencentServices[label] !== undefined && /\.tencentcloudapi\.com(:\d+)?$/.test(host);
}

/** Told of each call that was understood, with what it was answered. */
export type CallObserver = (call: {
  readonly service: string;
  readonly action: string;
  readonly request: Input;
  /** What stands in `Response`, with RequestId, and with Error if it is one. */
  readonly response: Input;
}) => void;

/** API 3.0 (document 213/15692): one POST for each action; errors come with HTTP 200. */
export function tencentApi(world: TencentWorld, observe: CallObserver = () => {}): WireHandler {
  return async (request) => {
    const [service = ""] = request.host.split(".");
    const action = headerOf(request, "x-tc-action") ?? "";
    const fault = takeFault(world.faults, action);
    if (fault?.what === "drop") return "drop";
    if (typeof fault?.what === "number") return plainAnswer(fault.what);
    let input: Input = {};
    let response: Input;
    const RequestId = randomUUID();
    try {
      authenticate(request, world);
      if (fault !== undefined && fault.what !== "lost") throw new ServiceError(fault.what, "as the rehearsal was told");
      input = parse(request);
      const { known, region } = route(request, service, action, world);
      checkNames(known, input);
      response = { ...(await known.run(input, world, region)), RequestId };
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      response = { Error: { Code: error.code, Message: error.message }, RequestId };
    }
    observe({ service, action, request: input, response });
    return fault?.what === "lost" ? "drop" : answer(response);
  };
}

function authenticate(request: WireRequest, { keys, clock }: TencentWorld): void {
  const verdict = verifyTc3(request, { keyOf: (id) => keys.keyOf(id), times: clock.signingTimes() });
  if (!verdict.ok) throw new ServiceError(verdict.code, verdict.message);
}

function parse({ body }: WireRequest): Input {
  try {
    const value: unknown = JSON.parse(body.toString("utf8") || "{}");
    if (typeof value === "object" && value !== null) return value as Input;
  } catch {
    // As below.
  }
  throw new ServiceError("InvalidRequest", "The request body is not valid JSON.");
}

function route(request: WireRequest, label: string, action: string, world: TencentWorld) {
  const service = tencentServices[label];
  const region = headerOf(request, "x-tc-region") ?? "";
  if (service === undefined) throw new ServiceError("NoSuchProduct", "The product is not found.");
  if (headerOf(request, "x-tc-version") !== service.version)
    throw new ServiceError("NoSuchVersion", "The version is not found.");
  const known = service.actions[action];
  if (known === undefined) throw new ServiceError("InvalidAction", `The action \`${action}\` is not found.`);
  if (service.isRegional && !world.regions.includes(region)) {
    // Asking which regions there are works from anywhere.
    if (action !== "DescribeRegions" && label !== "sts")
      throw new ServiceError("UnsupportedRegion", `The region \`${region}\` is not supported.`);
  }
  return { known, region };
}

function answer(response: Input): WireAnswer {
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ Response: response }),
  };
}
