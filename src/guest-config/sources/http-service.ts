import { decodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import type { HttpResult } from "../initializer/http.ts";
import { type Budget, describeResult, requestWithRetry } from "../initializer/http-retry.ts";
import type { JsonObject } from "../initializer/json-values.ts";

/** What a source may spend on its service, all requests together. */
export const serviceLimitMs = 19_000;
const largestDocumentBytes = 1 << 20;
export const largestUserDataBytes = 8 << 20;

/** A metadata service that has answered. */
export interface Service {
  /** Where: `http://169.254.169.254`. */
  readonly base: string;
  /** What could not be had, and why. What is not there is no problem. */
  readonly problems: string[];
  /** A document; undefined if it is not there or cannot be had. */
  bytes(path: string, limitBytes?: number): Uint8Array | undefined;
  text(path: string): string | undefined;
}

export interface ServiceToken {
  readonly path: string;
  readonly ttlHeader: string;
  /** The header that carries it. */
  readonly header: string;
}

export interface ServiceOptions {
  /** Places where the same service may be. */
  readonly bases: readonly string[];
  /** What is asked first: whoever answers this is the service. */
  readonly probe: string;
  /** To be asked for before the probe, at the same places. */
  readonly token?: ServiceToken | undefined;
}

/** `silent`: nobody has answered. `disabled`: the owner has switched it off. */
export type Opened =
  | Service
  | { readonly refusal: "silent" | "disabled"; readonly reason: string; readonly place: string };

const tokenSeconds = 21_600;
const mostRenewals = 2;
/** A server that has no tokens and says so badly leaves time for the rest. */
const tokenShare = 0.5;

/** Finds the service: the first place that answers is asked for all the rest. */
export function openService(host: Host, { bases, probe, token }: ServiceOptions, budget: Budget): Opened {
  const problems: string[] = [];
  let base: string | undefined;
  let tokenText: string | undefined;
  let renewals = 0;
  let isDead = false;

  const places = () => (base === undefined ? bases : [base]);
  /** Undefined if it was not given, which `problems` may say. */
  const askToken = ({ path, ttlHeader }: ServiceToken): HttpResult => {
    const deadlineMs = budget.deadlineMs - (1 - tokenShare) * (budget.deadlineMs - budget.startMs);
    const { result, index } = requestWithRetry(
      host,
      places().map((place) => ({
        method: "PUT",
        url: place + path,
        headers: { [ttlHeader]: String(tokenSeconds) },
        limitBytes: 4096,
      })),
      { ...budget, deadlineMs: base === undefined ? deadlineMs : budget.deadlineMs },
    );
    if ("status" in result) base ??= bases[index];
    tokenText = "status" in result && result.status === 200 ? decodeUtf8(result.body).trim() : undefined;
    if (tokenText !== undefined && !/^[\x21-\x7e]+$/.test(tokenText)) {
      problems.push("the service's token has characters that no header can have");
      tokenText = undefined;
    }
    return result;
  };

  const get = (path: string, limitBytes: number): HttpResult => {
    const headers = token === undefined || tokenText === undefined ? {} : { [token.header]: tokenText };
    const requests = places().map((place) => ({ method: "GET" as const, url: place + path, headers, limitBytes }));
    const { result, index } = requestWithRetry(host, requests, budget);
    if (!("status" in result)) return result;
    base ??= bases[index];
    if (result.status !== 401 || token === undefined || renewals++ >= mostRenewals) return result;
    askToken(token);
    return tokenText === undefined ? result : get(path, limitBytes);
  };

  const place = bases[0] ?? "";
  if (token !== undefined) {
    const result = askToken(token);
    if ("status" in result && result.status === 403)
      return {
        refusal: "disabled",
        reason: "the owner has disabled the metadata service (HTTP 403)",
        place: base ?? place,
      };
    // Nobody has answered in half of the time: the other half is for asking without.
    if ("status" in result && result.status !== 200 && result.status !== 404)
      problems.push(`the service gives no token: ${describeResult(result)}`);
  }
  const known = new Map<string, HttpResult>();
  const first = get(probe, largestDocumentBytes);
  if (base === undefined) return { refusal: "silent", reason: describeResult(first), place: bases.join(", ") };
  known.set(probe, first);

  const bytes = (path: string, limitBytes = largestDocumentBytes): Uint8Array | undefined => {
    if (isDead) return undefined;
    const result = known.get(path) ?? get(path, limitBytes);
    if ("status" in result && result.status === 200) return result.body;
    if ("status" in result && [404, 410].includes(result.status)) return undefined;
    problems.push(`${path} cannot be read: ${describeResult(result)}`);
    // What does not answer any more is not waited for again and again.
    isDead = host.nowMs() >= budget.deadlineMs - 100;
    return undefined;
  };
  return {
    base,
    problems,
    bytes,
    text: (path) => {
      const content = bytes(path);
      return content && decodeUtf8(content);
    },
  };
}

const mostRequests = 200;
const mostDepth = 8;

/**
 * Directories and documents below a path as objects and texts. A directory's listing names what is in it, line by line; directories end in a slash.
 *
 * @param wants whether to ask for this one, by its path below the first
 */
export function crawl(service: Service, root: string, wants: (path: string) => boolean): JsonObject {
  let requests = 0;
  const directory = (path: string, depth: number): JsonObject => {
    const entries: Record<string, unknown> = {};
    for (const line of (service.text(root + path) ?? "").split(/\r?\n/)) {
      const name = line.trim();
      // Amazon's list of keys: the number is the directory, what follows it is for people.
      const [, number] = /^(\d+)=/.exec(name) ?? [];
      const child = number === undefined ? name : `${number}/`;
      if (!/^[\w.:@-]+\/?$/.test(child) || child.startsWith("..") || child.startsWith("__proto__")) continue;
      if (!wants(path + child) || depth >= mostDepth || requests++ >= mostRequests) continue;
      const value = child.endsWith("/")
        ? directory(path + child, depth + 1)
        : service.text(root + path + child)?.trim();
      if (value !== undefined) entries[child.replace(/\/$/, "")] = value;
    }
    return entries;
  };
  return directory("", 0);
}
