import { Agent } from "node:http";
import { connect } from "node:net";
import fc from "fast-check";
import { expect } from "vitest";
import { startHttpServer, type WireAnswer, type WireRequest } from "../../src/rehearsal/http-server.ts";
import { parseParameters, percentDecode } from "../../src/rehearsal/signatures/encoding.ts";
import type { Judge, Refusal, Verdict } from "../../src/rehearsal/signatures/verdict.ts";

export const key = { accessKeyId: "rehearsal-key-id", secret: "rehearsal/secret+of the key" };
export const temporary = {
  accessKeyId: "temporary-key-id",
  secret: "another secret",
  sessionToken: "token/with+more==",
};

/** A judge that knows both keys, at the host's time or at that of a recorded request. */
export function judgeAt(...times: readonly number[]): Judge {
  return {
    keyOf: (id) => [key, temporary].find(({ accessKeyId }) => accessKeyId === id),
    times: times.length === 0 ? [Date.now()] : times,
  };
}

/** Leads every connection to that port of loopback; the request still names its own host. */
export function agentTo(port: number): Agent {
  const agent = new Agent({ keepAlive: false });
  agent.createConnection = () => connect(port, "127.0.0.1");
  return agent;
}

/** What a client really sends to a server that answers all alike. */
export async function captured(answer: WireAnswer, send: (port: number) => Promise<unknown>): Promise<WireRequest[]> {
  const requests: WireRequest[] = [];
  const controller = new AbortController();
  const server = await startHttpServer(
    async (request) => {
      requests.push(request);
      return answer;
    },
    {},
    controller.signal,
  );
  try {
    await send(server.port);
  } finally {
    await server.close();
  }
  return requests;
}

export function withHeader(request: WireRequest, name: string, value: string | undefined): WireRequest {
  const others = request.headers.filter(([other]) => other.toLowerCase() !== name.toLowerCase());
  const headers: WireRequest["headers"] = value === undefined ? others : [...others, [name, value]];
  return { ...request, headers, host: name.toLowerCase() === "host" ? (value ?? "") : request.host };
}

export function expectRefusal(verdict: Verdict, code: string, status?: number): void {
  expect(verdict.ok ? "accepted" : verdict.code).toBe(code);
  if (status !== undefined) expect((verdict as Refusal).status).toBe(status);
}

/** A byte that changes nothing is another way to escape the same: what the service would read of it. */
export function sameWhenDecoded(part: string, text: string): string {
  if (part === "query") return JSON.stringify(parseParameters(text));
  return part === "path" ? percentDecode(text) : text;
}

/**
 * Changes one byte after the other of the method, the path, the query, the body and the given headers: each change must be refused, unless
 * what was sent means the same in `meaning`'s eyes.
 */
export function everyByteCounts(
  request: WireRequest,
  headerNames: readonly string[],
  verify: (request: WireRequest) => Verdict,
  meaning = sameWhenDecoded,
): void {
  expect(verify(request)).toMatchObject({ ok: true });
  const headerParts = request.headers
    .map(([name, value], at) => ({ name, value, at }))
    .filter(({ name }) => headerNames.includes(name.toLowerCase()));
  expect(headerParts.map(({ name }) => name.toLowerCase()).sort()).toEqual([...headerNames].sort());
  const parts = [
    ...(["method", "path", "query"] as const).map((part) => ({
      name: part as string,
      text: request[part],
      with: (text: string): WireRequest => ({ ...request, [part]: text }),
    })),
    {
      name: "body",
      text: request.body.toString("latin1"),
      with: (text: string) => ({ ...request, body: Buffer.from(text, "latin1") }),
    },
    ...headerParts.map(({ name, value, at }) => ({
      name: name.toLowerCase(),
      text: value,
      with: (text: string): WireRequest => ({
        ...request,
        headers: request.headers.map((header, index) => (index === at ? [name, text] : header)),
        host: name.toLowerCase() === "host" ? text : request.host,
      }),
    })),
  ].filter(({ text }) => text !== "");
  // Every place once, whatever chance says; then many places with many bytes.
  for (const part of parts) {
    for (let at = 0; at < part.text.length; at++)
      judgeChange(part, at, part.text.charCodeAt(at) === 0x31 ? 0x32 : 0x31);
  }
  fc.assert(
    fc.property(
      fc.nat(parts.length - 1),
      fc.nat(1 << 16),
      fc.integer({ min: 0x21, max: 0x7e }),
      (which, place, byte) => {
        const part = parts[which] as (typeof parts)[number];
        judgeChange(part, place % part.text.length, byte);
      },
    ),
    { numRuns: 1000 },
  );

  function judgeChange(part: (typeof parts)[number], at: number, byte: number) {
    const text = `${part.text.slice(0, at)}${String.fromCharCode(byte)}${part.text.slice(at + 1)}`;
    if (meaning(part.name, text) === meaning(part.name, part.text)) return;
    const verdict = verify(part.with(text));
    if (verdict.ok) throw new Error(`accepted: ${part.name} ${JSON.stringify(part.text)} → ${JSON.stringify(text)}`);
  }
}
