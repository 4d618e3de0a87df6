import type { HuaweiWorld } from "./world.ts";

/** A request that has been routed, and whose signature is right. */
export interface Call {
  readonly world: HuaweiWorld;
  readonly region: string;
  readonly project: string;
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Fields;
  readonly token: string | undefined;
  /** As it was sent. */
  readonly text: string;
}

export interface Answer {
  readonly status: number;
  /** Undefined: none. */
  readonly body?: unknown;
}

export type Operation = (call: Call) => Answer | Promise<Answer>;

export function ok(body: unknown, status = 200): Answer {
  return { status, body };
}

export const nothing: Answer = { status: 204 };

/** An operation says no, in the shape that its service has. */
export class Denial extends Error {
  readonly status: number;
  readonly body: object;

  constructor(status: number, body: object) {
    super(JSON.stringify(body));
    this.status = status;
    this.body = body;
  }
}

/** As IMS and ECS say no. */
export function deny(code: string, message: string, status = 400): never {
  throw new Denial(status, { error: { code, message } });
}

/** As the parts that are OpenStack's say no. */
export function denyNova(
  kind: "badRequest" | "itemNotFound" | "conflictingRequest" | "forbidden",
  message: string,
): never {
  const code = { badRequest: 400, forbidden: 403, itemNotFound: 404, conflictingRequest: 409 }[kind];
  throw new Denial(code, { [kind]: { message, code } });
}

/** As VPC and EIP say no. */
export function denyNeutron(status: number, type: string, message: string): never {
  throw new Denial(status, { NeutronError: { type, message, detail: "" } });
}

/** A JSON object, read with care. */
export interface Fields {
  readonly [name: string]: unknown;
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Of a list, the page that `limit` and `marker` name. */
export function page<R>(records: readonly R[], query: URLSearchParams, idOf: (record: R) => string, most: number): R[] {
  const marker = query.get("marker");
  const at = marker === null ? 0 : records.findIndex((record) => idOf(record) === marker) + 1;
  return records.slice(at, at + Math.min(most, Number(query.get("limit") ?? most)));
}
