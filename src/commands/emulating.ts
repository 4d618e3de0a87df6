import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { didYouMean } from "../core/near-names.ts";
import type { CloudName } from "../providers/cloud.ts";
import { clouds } from "../providers/clouds.ts";
import type { Credentials } from "../providers/credentials.ts";
import { makeClock } from "../rehearsal/clock.ts";
import { headerOf, type WireAnswer, type WireRequest } from "../rehearsal/http-server.ts";
import type { Rehearsal } from "../rehearsal/rehearsal.ts";
import type { Invocation } from "./command.ts";
import { rehearse } from "./rehearsing.ts";

export interface EmulateOptions {
  readonly port?: number;
  readonly region?: string;
  readonly bucket?: string;
  readonly directory?: string;
  readonly boot: boolean;
  readonly pace: number;
  readonly fault?: readonly string[];
}

/**
 * Serves until the context's signal is aborted; then all is gone. Each call is told as it comes.
 *
 * Errors: `usage/arguments`, `host/port-in-use`
 */
export async function emulateCloud(
  cloud: CloudName,
  options: EmulateOptions,
  result: Invocation["result"],
  context: Context,
): Promise<void> {
  const { port, fault = [], region, bucket, directory, boot, pace } = options;
  const { emit, signal } = context;
  const rehearsal = await rehearse(
    cloud,
    {
      ...{ region, bucket, directory, boot, pace, faults: fault },
      // Others do not sleep by a clock of ours.
      clock: makeClock({}),
      ...(port !== undefined && { ports: { api: port, store: port + 1, proxy: port + 2 } }),
      onServed: (request, answer) => emit({ type: "log", level: "info", message: describeCall(request, answer) }),
    },
    context,
  );
  try {
    const { regions } = rehearsal;
    if (!regions.includes(rehearsal.region))
      fail("usage/arguments", `cannot emulate the region "${rehearsal.region}" of ${clouds[cloud].title}`, {
        hint: didYouMean(rehearsal.region, regions) ?? `there are ${regions.join(", ")}`,
      });
    const environment = environmentOf(rehearsal);
    const lines = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'`);
    const { ports } = rehearsal;
    result([`# bucket: ${rehearsal.bucket}; Ctrl-C ends it`, ...lines].join("\n"), {
      ...{ cloud, region: rehearsal.region, bucket: rehearsal.bucket, ports, environment },
    });
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
  } finally {
    await rehearsal.close();
  }
}

/** Under which names the vendors' own tools, and ours, look for keys. */
const credentialNames: Readonly<Record<CloudName, (credentials: Credentials) => Record<string, string | undefined>>> = {
  tencent: ({ accessKeyId, secretAccessKey, sessionToken }) => ({
    TENCENTCLOUD_SECRET_ID: accessKeyId,
    TENCENTCLOUD_SECRET_KEY: secretAccessKey,
    // Of the SDK, and of tccli.
    TENCENTCLOUD_SESSION_TOKEN: sessionToken,
    TENCENTCLOUD_TOKEN: sessionToken,
  }),
  alibaba: ({ accessKeyId, secretAccessKey, sessionToken }) => ({
    ALIBABA_CLOUD_ACCESS_KEY_ID: accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: secretAccessKey,
    ALIBABA_CLOUD_SECURITY_TOKEN: sessionToken,
  }),
  huawei: ({ accessKeyId, secretAccessKey, sessionToken, projectId }) => ({
    HUAWEICLOUD_SDK_AK: accessKeyId,
    HUAWEICLOUD_SDK_SK: secretAccessKey,
    HUAWEICLOUD_SDK_SECURITY_TOKEN: sessionToken,
    HUAWEICLOUD_SDK_PROJECT_ID: projectId,
  }),
};

const regionNames: Readonly<Record<CloudName, string>> = {
  tencent: "TENCENTCLOUD_REGION",
  alibaba: "ALIBABA_CLOUD_REGION",
  huawei: "HUAWEICLOUD_SDK_REGION",
};

export function environmentOf({ cloud, credentials, region, resolve, ports }: Rehearsal): Record<string, string> {
  const all = {
    ...credentialNames[cloud](credentials),
    [regionNames[cloud]]: region,
    CLOUDIMG_RESOLVE: resolve.join(" "),
    CLOUDIMG_INSTANCE_PROXY: `http://127.0.0.1:${ports.proxy}`,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function describeCall(request: WireRequest, answer: WireAnswer | undefined): string {
  const { host, method, path } = request;
  const action = headerOf(request, "x-tc-action") ?? headerOf(request, "x-acs-action") ?? `${method} ${path}`;
  return `${host} ${action} ${answer?.status ?? "cut off"}`;
}
