import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, test } from "vitest";
import { headerOf, type WireRequest } from "../../src/rehearsal/http-server.ts";
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

/** What is wrong with a request as a server got it, and with its answer: both directions of one call. Answers that are no JSON are skipped. */
export function checkExchange(vendor: Vendor, request: WireRequest, answer?: string | Uint8Array): string[] {
  const { action, params, responseAction } = readWire(vendor, request);
  const problems = checkRequest(vendor, action, params).map((problem) => `${action}: ${problem}`);
  const text = answer === undefined ? "" : Buffer.from(answer).toString();
  if (answer === undefined || responseAction === undefined || !/^\s*[[{]|^$/.test(text)) return problems;
  const body: unknown = text === "" ? undefined : JSON.parse(text);
  return [
    ...problems,
    ...checkResponse(vendor, responseAction, body).map((problem) => `${responseAction} answer: ${problem}`),
  ];
}

function readWire(
  vendor: Vendor,
  request: WireRequest,
): { action: string; params: unknown; responseAction: string | undefined } {
  const service = request.host.split(".")[0] as string;
  const text = request.body.toString();
  const body: unknown = text === "" ? undefined : /^\s*[[{]/.test(text) ? JSON.parse(text) : text;
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
  const [operation] = huaweiOperations(huaweiContract(), service, request.method, path);
  return { action: service, params, responseAction: operation === undefined ? undefined : `${service}.${operation}` };
}

/** Byte strings are UTF-8. */
function decoded(parameters: readonly (readonly [string, string])[]): [string, string][] {
  const text = (bytes: string) => Buffer.from(bytes, "latin1").toString("utf8");
  return parameters.map(([name, value]) => [text(name), text(value)]);
}

function contract(vendor: Vendor): unknown {
  const known = read.get(vendor) ?? JSON.parse(readFileSync(`${directory}${vendor}.json`, "utf8"));
  read.set(vendor, known);
  return known;
}
