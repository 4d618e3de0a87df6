import type { Responder } from "../../src/guest-config/formats/metadata-tree.ts";
import { encodeUtf8 } from "../../src/guest-config/initializer/bytes.ts";
import type { Host } from "../../src/guest-config/initializer/host.ts";
import type { HttpRequest, HttpResult } from "../../src/guest-config/initializer/http.ts";

/** What somebody says instead of the service; undefined leaves it to the service. */
export type Fault = (request: HttpRequest, count: number) => HttpResult | undefined;

export interface FakeNetwork {
  readonly host: Host;
  /** `PUT http://…` in the order of asking. */
  readonly asked: string[];
  readonly requests: HttpRequest[];
  /** Console lines of the source. */
  readonly told: string[];
  tell(text: string): void;
  /** Since the beginning, on the network's own clock: no test waits. */
  elapsedMs(): number;
}

/** A machine in a network with services, by origin (`http://169.254.169.254`). Nobody else answers: that takes as long as whoever asks is ready to wait. */
export function fakeNetwork(
  base: Host,
  services: Readonly<Record<string, Responder>>,
  fault: Fault = () => undefined,
): FakeNetwork {
  let clockMs = 0;
  const asked: string[] = [];
  const requests: HttpRequest[] = [];
  const told: string[] = [];
  const answer = (request: HttpRequest): HttpResult => {
    const [, origin = "", path = ""] = /^(\w+:\/\/[^/]+)(.*)$/.exec(request.url) ?? [];
    const service = services[origin];
    if (service === undefined) {
      clockMs += request.timeoutMs;
      return { failure: `no whole answer within ${request.timeoutMs / 1000} s`, kind: "timeout" };
    }
    const headers = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
    const { status, headers: own, body } = service(request.method, path || "/", Object.fromEntries(headers));
    const bytes = typeof body === "string" ? encodeUtf8(body) : body;
    return bytes.length > request.limitBytes
      ? { failure: "too long", kind: "refused" }
      : { status, headers: own, body: bytes };
  };
  const host: Host = {
    ...base,
    fetch(request) {
      clockMs += 5;
      requests.push(request);
      asked.push(`${request.method} ${request.url}`);
      return fault(request, requests.length) ?? answer(request);
    },
    nowMs: () => clockMs,
    sleepMs: (ms) => {
      clockMs += ms;
    },
  };
  return { host, asked, requests, told, tell: (text) => void told.push(text), elapsedMs: () => clockMs };
}

export const httpStatus = (status: number, body = ""): HttpResult => ({ status, headers: {}, body: encodeUtf8(body) });
export const unreachable: HttpResult = { failure: "Connection refused", kind: "unreachable" };
