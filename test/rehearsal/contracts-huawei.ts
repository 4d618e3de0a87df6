import { checkFields, checkValue, type Field, type Fields, isRecord, typedField } from "./contract-values.ts";

export interface HuaweiContract {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly host: string;
        readonly ops: Readonly<Record<string, HuaweiOperation>>;
        readonly objects?: Readonly<Record<string, Fields>>;
      }
    >
  >;
  readonly errors: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

interface HuaweiOperation {
  readonly method: string;
  readonly path: string;
  readonly query?: Fields;
  readonly headers?: Fields;
  readonly body?: string | Fields;
  readonly out: Fields | string;
}

export interface HuaweiRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Parsed; undefined: none. */
  readonly body?: unknown;
}

/** The names of a service's operations of that method and path; a few share them and differ in the body only. */
export function huaweiOperations(contract: HuaweiContract, service: string, method: string, path: string): string[] {
  const operations = Object.entries(contract.services[service]?.ops ?? {});
  const matching = operations.filter(
    ([, operation]) =>
      operation.method === method &&
      new RegExp(`^${operation.path.replace(/\{\w+\}/g, "[^/]+").replaceAll(".", "\\.")}/?$`).test(path),
  );
  // `/cloudservers/detail` is no server of that name.
  const holes = (name: string) => contract.services[service]?.ops[name]?.path.split("{").length ?? 0;
  const least = Math.min(...matching.map(([name]) => holes(name)));
  return matching.map(([name]) => name).filter((name) => holes(name) === least);
}

/** @param name `ims.CreateImage`, or the service alone: the operation is found by method and path */
export function checkHuaweiRequest(contract: HuaweiContract, name: string, request: HuaweiRequest): string[] {
  const [service, operation] = name.split(".") as [string, string | undefined];
  const names = huaweiOperations(contract, service, request.method, request.path);
  const candidates = operation === undefined ? names : names.filter((one) => one === operation);
  if (candidates.length === 0) return [`${request.method} ${request.path} is no operation of ${name}`];
  return fewest(candidates.map((candidate) => checkOperation(contract, service, candidate, request)));
}

/** @param name `ims.CreateImage` */
export function checkHuaweiResponse(contract: HuaweiContract, name: string, body: unknown): string[] {
  const [service, operation = ""] = name.split(".") as [string, string | undefined];
  const found = contract.services[service]?.ops[operation];
  if (found === undefined) return [`the operation ${name} is unknown`];
  const error = errorCode(body);
  if (error !== undefined) {
    const known = contract.errors[service];
    const isKnown = known === undefined || known[error] !== undefined || !/^(IMG|Ecs)\./.test(error);
    return isKnown ? [] : [`the error ${error} is unknown`];
  }
  const isNone = body === undefined || body === "";
  if (isNone && typeof found.out === "object" && Object.keys(found.out).length === 0) return [];
  const rules = { objects: contract.services[service]?.objects ?? {}, demandsRequired: false, isText: false };
  // An answer that is no object has a single field `body`: it is that field.
  const isBare = typeof found.out === "object" && Object.keys(found.out).join() === "body";
  return checkValue(body, typedField((isBare ? (found.out as Fields)["body"] : found.out) as Field), rules, "");
}

function checkOperation(contract: HuaweiContract, service: string, name: string, request: HuaweiRequest): string[] {
  const { query = {}, headers = {}, body } = (contract.services[service]?.ops[name] ?? {}) as HuaweiOperation;
  const rules = { objects: contract.services[service]?.objects ?? {}, demandsRequired: true, isText: false };
  const lower = Object.fromEntries(
    Object.entries(request.headers ?? {}).map(([key, value]) => [key.toLowerCase(), value]),
  );
  // Any request has more headers than an operation names.
  const named = Object.fromEntries(
    Object.keys(headers)
      .filter((key) => lower[key.toLowerCase()] !== undefined)
      .map((key) => [key, lower[key.toLowerCase()]]),
  );
  const problems = [
    ...checkFields(request.query ?? {}, query, { ...rules, isText: true }, "").map((problem) => `query: ${problem}`),
    ...checkFields(named, headers, { ...rules, isText: true }, "").map((problem) => `headers: ${problem}`),
  ];
  if (body !== undefined && request.body !== undefined) {
    return [...problems, ...checkValue(request.body, typedField(body), rules, "")];
  }
  if (request.body !== undefined) return [...problems, "it takes no body"];
  const isNeeded = body !== undefined && !["GET", "DELETE"].includes(request.method);
  return isNeeded ? [...problems, "its body is missing"] : problems;
}

/** Faults of OpenStack's own interfaces have a kind instead of a code of the vendor's. */
const openStackFaults = ["badRequest", "forbidden", "itemNotFound", "conflictingRequest", "overLimit", "computeFault"];

/**
 * `{ error: { code } }` of services, `{ error_code }` of the gateway and of some services (a job's has no message beside it), or the kind of an
 * OpenStack fault.
 */
function errorCode(body: unknown): string | undefined {
  if (!isRecord(body)) return undefined;
  const [only = "", ...others] = Object.keys(body);
  if (others.length === 0 && [...openStackFaults, "NeutronError"].includes(only) && isRecord(body[only])) {
    return typeof body[only]["message"] === "string" ? only : undefined;
  }
  const inner = isRecord(body["error"]) ? body["error"] : undefined;
  const code = inner?.["code"] ?? (body["error_msg"] !== undefined ? body["error_code"] : undefined);
  return typeof code === "string" ? code : undefined;
}

function fewest(lists: readonly string[][]): string[] {
  return lists.reduce((best, list) => (list.length < best.length ? list : best));
}
