import type { Agent } from "node:https";
import { request as httpsRequest } from "node:https";

export interface SentRequest {
  readonly host: string;
  readonly method: string;
  /** With the query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** No call of this API takes long: what takes long is asked for again. */
const answerTimeoutMs = 60_000;

/**
 * One request and its answer. The agent knows where the host really is.
 *
 * Errors: the signal's reason; an Error with Node's `code` when there is no answer.
 */
export async function send(request: SentRequest, agent: Agent, signal: AbortSignal): Promise<Answer> {
  signal.throwIfAborted();
  const { host, method, target: path, headers } = request;
  const timeout = AbortSignal.timeout(answerTimeoutMs);
  try {
    return await new Promise<Answer>((resolve, reject) => {
      const options = {
        host,
        method,
        path,
        headers: { ...headers },
        agent,
        signal: AbortSignal.any([signal, timeout]),
      };
      const outgoing = httpsRequest(options, (incoming) => {
        const parts: Buffer[] = [];
        incoming.on("data", (part: Buffer) => parts.push(part));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const text = Buffer.concat(parts).toString("utf8");
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
        });
      });
      outgoing.on("error", reject);
      outgoing.end();
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!timeout.aborted) throw error;
    const reason = `no answer from ${host} for ${answerTimeoutMs / 1000} seconds`;
    throw Object.assign(new Error(reason, { cause: error }), { code: "ETIMEDOUT" });
  }
}
