import type { Context } from "../../../src/core/context.ts";
import type { Connection } from "../../../src/providers/connection.ts";
import { makeCredentials } from "../../../src/providers/huawei/credentials.ts";
import { type Clock, makeClock } from "../../../src/rehearsal/clock.ts";
import { startHttpServer, type WireHandler } from "../../../src/rehearsal/http-server.ts";

export const region = "cn-north-4";

export const credentials = makeCredentials({
  accessKeyId: "HPUAEXAMPLEEXAMPLE00",
  secretAccessKey: "secret-secret-secret-secret-secret-00000",
  origin: "the test",
});

export function testContext(environment: Record<string, string> = {}): Context {
  return {
    emit: () => {},
    signal: new AbortController().signal,
    directories: { cache: "/nowhere", data: "/nowhere" },
    environment,
    jobs: 1,
  };
}

/** All of Huawei Cloud's hosts lead to the handler, by a clock that leaps over sleeps. */
export async function serve(handler: WireHandler, clock: Clock = makeClock({ leaps: true })) {
  const server = await startHttpServer(handler, {}, new AbortController().signal);
  const connection: Connection = {
    resolve: (host) =>
      host.endsWith(".myhuaweicloud.com") ? { protocol: "http:", address: "127.0.0.1", port: server.port } : undefined,
    now: clock.now,
    sleep: clock.sleep,
    dial: () => Promise.reject(new Error("nobody dials here")),
  };
  return { connection, clock, server, close: () => server.close() };
}
