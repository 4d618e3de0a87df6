import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { authorize, type Gate } from "./authorize.ts";
import { placeOf } from "./dialect.ts";
import { bodyOf, cut, type Exchange, errorAnswer, send } from "./exchange.ts";
import type { StoreFault, StoreFaultHook } from "./faults.ts";
import type { StoreAnswer, StoreCall } from "./operation.ts";
import { routeOf, type StoreOperationName, storeOperations } from "./routes.ts";
import { ConnectionCut, refuse, StoreError } from "./store-error.ts";
import { parseRequest, type StoreRequest } from "./store-request.ts";
import type { Bucket } from "./store-state.ts";

/** What a running store consists of. */
export interface ServedStore {
  readonly gate: Gate;
  readonly directory: string;
  readonly buckets: Map<string, Bucket>;
  readonly clock: Pick<Clock, "now" | "sleep" | "signingTimes">;
  readonly fault: StoreFaultHook | undefined;
  /** Aborted when the store ends. */
  readonly signal: AbortSignal;
  readonly onServed: (request: ServedStoreRequest) => void;
  /** Told what is no fault of the client's. */
  readonly onDefect: (error: unknown) => void;
}

export interface ServedStoreRequest {
  readonly operation: StoreOperationName | undefined;
  readonly bucket: string | undefined;
  readonly key: string;
  readonly partNumber: number | undefined;
  /** Of its body. */
  readonly receivedBytes: number;
  /** Undefined: the connection was cut. */
  readonly status: number | undefined;
  /** Of a refusal. */
  readonly code: string | undefined;
}

/** Serves one request, from its head to the last byte of its answer. */
export async function serve(
  store: ServedStore,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  isBodyKeptBack: boolean,
): Promise<void> {
  const { clock, gate } = store;
  const { socket } = incoming;
  const requestId = randomBytes(12).toString("hex").toUpperCase();
  const headers = {
    // The SDK sets its clock by it.
    date: new Date(clock.signingTimes().at(-1) ?? clock.now()).toUTCString(),
    "x-amz-request-id": requestId,
    [`${gate.dialect.headerPrefix}request-id`]: requestId,
  };
  const exchange: Exchange = { incoming, outgoing, socket, isBodyKeptBack, headers };
  let request: StoreRequest | undefined;
  let receivedBytes = 0;
  const count = (bytes: number) => {
    receivedBytes += bytes;
  };
  let status: number | undefined;
  let code: string | undefined;
  try {
    try {
      request = parseRequest(incoming, (host) => placeOf(gate.dialect, host));
      const fault = store.fault?.({ operation: routeOf(request), ...request });
      const hasBody = Number(incoming.headers["content-length"] ?? 0) > 0 || "transfer-encoding" in incoming.headers;
      await happen(store, fault);
      if (fault?.isDropped) throw cut(exchange);
      const body = bodyOf(exchange, hasBody ? fault?.cutAfterBytes : undefined, count);
      const answer = await perform(request, callOf(store, request, body));
      if (fault?.isAnswerLost) throw cut(exchange);
      await send(exchange, answer, hasBody ? undefined : fault?.cutAfterBytes);
      status = answer.status;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      ({ code, status } = error);
      await send(exchange, errorAnswer(error, request?.path ?? "", requestId, request?.host ?? ""), undefined);
    }
  } catch (error) {
    // A client that has gone is no defect, nor is work that was told to end.
    const hasGone = error instanceof ConnectionCut || socket.destroyed || store.signal.aborted;
    if (!hasGone) store.onDefect(error);
    status = undefined;
    if (hasGone || outgoing.headersSent) socket.destroy();
    else outgoing.writeHead(500, headers).end();
  }
  const part = request?.query.get("partNumber");
  store.onServed({
    operation: request && routeOf(request),
    bucket: request?.bucket,
    key: request?.key ?? "",
    partNumber: part === undefined ? undefined : Number(part),
    receivedBytes,
    status,
    code,
  });
}

/** Errors: StoreError, of a signature that is not right */
export function callOf(store: ServedStore, request: StoreRequest, body: StoreCall["body"]): StoreCall {
  const { gate, buckets, directory, clock } = store;
  const call: StoreCall = {
    dialect: gate.dialect,
    request,
    caller: authorize(request, gate),
    body,
    buckets,
    nowMs: clock.now(),
    newPath: () => join(directory, randomBytes(12).toString("hex")),
  };
  refusePathStyle(call);
  return call;
}

async function happen({ clock, signal }: ServedStore, fault: StoreFault | undefined): Promise<void> {
  if (fault?.delayMs !== undefined) await clock.sleep(fault.delayMs, signal);
  if (fault?.status !== undefined) refuse(fault.status, fault.code ?? "InternalError", "A fault was asked for.");
}

async function perform(request: StoreRequest, call: StoreCall): Promise<StoreAnswer> {
  const operation = routeOf(request);
  if (operation === undefined)
    refuse(501, "NotImplemented", "A header or a query you provided implies functionality that is not implemented.");
  return await storeOperations[operation](call);
}

function refusePathStyle({ request: { isPathStyle, place, method, key }, dialect }: StoreCall): void {
  if (place !== undefined && !isPathStyle) return;
  // A host that is none of the vendor's cannot name a bucket either.
  const refusal = dialect.refusals.pathStyle(method, key === "" && place !== undefined);
  if (refusal !== undefined) refuse(refusal.status, refusal.code, refusal.message);
}
