import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, test } from "vitest";
import { headerOf, type WireAnswer, type WireHandler, type WireRequest } from "../../src/rehearsal/http-server.ts";
import { parseParameters } from "../../src/rehearsal/signatures/encoding.ts";
import { rpcParameters } from "../../src/rehearsal/signatures/rpc-v1.ts";
import { type AlibabaContract, checkAlibabaRequest, checkAlibabaResponse } from "./contracts-alibaba.ts";
import {
  checkHuaweiRequest,
  checkHuaweiResponse,
  type HuaweiContract,
  type HuaweiRequest,
  huaweiOperations,
} from "./contracts-huawei.ts";
import { checkTencentRequest, checkTencentResponse, type TencentContract } from "./contracts-tencent.ts";

export type Vendor = "tencent" | "alibaba" | "huawei";

const directory = fileURLToPath(new URL("../../../shared/contracts/", import.meta.url));

/** Whether the contracts are there to compare with. */
export const haveContracts: boolean = existsSync(`${directory}tencent.json`);

/** A suite that needs the contracts. Without their folder it is skipped, but in CI that is a failure. */
export function contractSuite(name: string, body: () => void): void {
  describe(name, () => {
    if (haveContracts || process.env["CI"] === "true") return body();
    test.skip(`${directory} is not there: nothing to compare with`, () => {});
  });
}

const read = new Map<Vendor, unknown>();

export function tencentContract(): TencentContract {
  return contract("tencent") as TencentContract;
}

export function alibabaContract(): AlibabaContract {
  return contract("alibaba") as AlibabaContract;
}

export function huaweiContract(): HuaweiContract {
  return contract("huawei") as HuaweiContract;
}

/**
 * What is wrong with a request by the vendor's definition of its API: unknown names, missing required ones, wrong types, values outside an
 * enumeration. Empty: nothing.
 *
 * @param action Tencent: `cvm.ImportImage` or `ImportImage`; Alibaba: `ImportImage`; Huawei: `ims.CreateImage`, or `ims` alone
 * @param params Tencent: the JSON body; Alibaba: names on the wire → text, as flattened; Huawei: a `HuaweiRequest`
 */
export function checkRequest(vendor: Vendor, action: string, params: unknown): string[] {
  switch (vendor) {
    case "tencent":
      return checkTencentRequest(tencentContract(), action, params);
    case "alibaba":
      return checkAlibabaRequest(alibabaContract(), action, params as Record<string, string>);
    case "huawei":
      return checkHuaweiRequest(huaweiContract(), action, params as HuaweiRequest);
  }
}

/**
 * The same of an answer; what is required need not be there. An error's code must be one that the call can answer.
 *
 * @param body the parsed JSON, with Tencent's envelope
 */
export function checkResponse(vendor: Vendor, action: string, body: unknown): string[] {
  switch (vendor) {
    case "tencent":
      return checkTencentResponse(tencentContract(), action, body);
    case "alibaba":
      return checkAlibabaResponse(alibabaContract(), action, body);
    case "huawei":
      return checkHuaweiResponse(huaweiContract(), action, body);
  }
}

/**
 * What is wrong with a request as a server got it, and with its answer: both directions of one call. Answers of a gateway in trouble, and such as
 * were cut off, are not looked at.
 */
export function checkExchange(vendor: Vendor, request: WireRequest, answer: WireAnswer | "drop" = "drop"): string[] {
  const { action, params, responseAction } = readWire(vendor, request);
  const problems = checkRequest(vendor, action, params).map((problem) => `${action}: ${problem}`);
  if (answer === "drop" || responseAction === undefined) return problems;
  const { status, body = "" } = answer;
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return problems;
  const text = Buffer.from(body).toString();
  // A dry run is answered without a word.
  if ((status >= 500 && !text.startsWith("{")) || (status === 202 && text === "")) return problems;
  return [
    ...problems,
    ...checkResponse(vendor, responseAction, fromJson(text)).map((problem) => `${responseAction} answer: ${problem}`),
  ];
}

/** The same service, all of whose calls are compared with the contract. */
export function watched(vendor: Vendor, handler: WireHandler): { handler: WireHandler; problems: readonly string[] } {
  const problems: string[] = [];
  return {
    problems,
    async handler(request, signal) {
      const answer = await handler(request, signal);
      problems.push(...checkExchange(vendor, request, answer));
      return answer;
    },
  };
}

function readWire(
  vendor: Vendor,
  request: WireRequest,
): { action: string; params: unknown; responseAction: string | undefined } {
  const service = request.host.split(".")[0] as string;
  const text = request.body.toString();
  const body = fromJson(text);
  if (vendor === "tencent") {
    const action = `${service}.${headerOf(request, "x-tc-action") ?? ""}`;
    return { action, params: body, responseAction: action };
  }
  if (vendor === "alibaba") {
    const params = Object.fromEntries(decoded(rpcParameters(request)));
    const action = headerOf(request, "x-acs-action") ?? params["Action"] ?? "";
    return { action, params, responseAction: action };
  }
  const path = decodeURIComponent(request.path);
  const query = Object.fromEntries(decoded(parseParameters(request.query)));
  const params = { method: request.method, path, query, headers: Object.fromEntries(request.headers), body };
  // Several services may share a host.
  const [found] = Object.entries(huaweiContract().services)
    .filter(([, { host }]) => host.startsWith(`${service}.`))
    .flatMap(([name]) =>
      huaweiOperations(huaweiContract(), name, request.method, path).map((operation) => ({ name, operation })),
    );
  if (found === undefined) return { action: service, params, responseAction: undefined };
  return { action: found.name, params, responseAction: `${found.name}.${found.operation}` };
}

/** Byte strings are UTF-8. */
function decoded(parameters: readonly (readonly [string, string])[]): [string, string][] {
  const text = (bytes: string) => Buffer.from(bytes, "latin1").toString("utf8");
  return parameters.map(([name, value]) => [text(name), text(value)]);
}

/** Undefined for nothing; text that is no JSON stays text, which no contract has. */
function fromJson(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function contract(vendor: Vendor): unknown {
  const known = read.get(vendor) ?? JSON.parse(readFileSync(`${directory}${vendor}.json`, "utf8"));
  read.set(vendor, known);
  return known;
}
