import type { IncomingMessage } from "node:http";
import { connect as connectTls } from "node:tls";
import { AttemptFailure } from "./attempts.ts";
import type { Dial } from "./dial.ts";

export interface HttpTarget {
  readonly host: string;
  readonly port: number;
  /** Accept certificates that nobody vouches for, or that are made out to another name. */
  readonly acceptSelfSigned?: boolean | undefined;
  /** How to connect. Default: directly. */
  readonly dial?: Dial | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name; of a header that comes several times, the values joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A silent port may belong to a forward whose guest is not there yet; it is asked again soon. */
const answerMs = 10_000;
const mostBodyBytes = 4 * 1024 * 1024;

/** One GET request, redirects not followed. Errors: AttemptFailure. */
export async function httpRequest(
  target: HttpTarget,
  path: string,
  tls: boolean,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const { request } = tls ? await import("node:https") : await import("node:http");
  const quiet = AbortSignal.timeout(answerMs);
  const { host, port, acceptSelfSigned = false, dial } = target;
  const either = AbortSignal.any([signal, quiet]);
  try {
    const socket = await dial?.({ host, port }, either);
    const security = { rejectUnauthorized: !acceptSelfSigned };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = {
        ...{ host, port, path, signal: either, ...security },
        headers: { accept: "*/*", "user-agent": "cloudimg-smoke" },
        // An agent, `false` too, connects by itself.
        ...(socket === undefined
          ? { agent: false }
          : { createConnection: () => (tls ? connectTls({ socket, ...security }) : socket) }),
      };
      request(options, resolve).on("error", reject).end();
    });
    const headers = Object.entries(answer.headersDistinct).map(([name, values]) => [name, (values ?? []).join(", ")]);
    return { status: answer.statusCode ?? 0, headers: Object.fromEntries(headers), body: await readBody(answer) };
  } catch (error) {
    if (signal.aborted) throw error;
    const reason = quiet.aborted ? `no answer within ${answerMs / 1000} s` : reasonOf(error);
    throw new AttemptFailure(`cannot get http${tls ? "s" : ""}://${host}:${port}${path}: ${reason}`, { cause: error });
  }
}

async function readBody(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes >= mostBodyBytes) break;
  }
  return Buffer.concat(chunks).toString("utf8", 0, mostBodyBytes);
}

function reasonOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : String(first);
}
