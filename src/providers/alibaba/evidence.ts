import type { Context } from "../../core/context.ts";
import type { EvidenceWish, InstanceService } from "../cloud.ts";
import type { EcsApi } from "./api.ts";
import { fromChinaTime } from "./values.ts";
import { vendorCodeOf } from "./vendor-error.ts";

type Evidence = Awaited<ReturnType<InstanceService["evidence"]>>;

/**
 * The console is what the service kept at the last start, reboot or stop: so the last look at it is after a stop. The screen is there while the instance runs, and is asked for
 * at most every ten seconds.
 */
export async function takeEvidence(
  api: EcsApi,
  id: string,
  { isLast = false, hasScreenshot = true }: EvidenceWish,
  context: Context,
): Promise<Evidence> {
  const early = await consoleOf(api, id, context);
  const screen = hasScreenshot
    ? await orNothing(context, () =>
        api.call(
          "GetInstanceScreenshot",
          { regionId: api.region, instanceId: id },
          `look at the screen of ${id}`,
          context,
        ),
      )
    : undefined;
  const late = isLast && (await isStopped(api, id, context)) ? await consoleOf(api, id, context) : {};
  return {
    ...early,
    ...late,
    ...(screen?.screenshot && {
      screenshot: { format: "jpg" as const, bytes: new Uint8Array(Buffer.from(screen.screenshot, "base64")) },
    }),
  };
}

/** Empty if there is none, as while the instance is being made. */
async function consoleOf(
  api: EcsApi,
  id: string,
  context: Context,
): Promise<Pick<Evidence, "console" | "consoleAtMs">> {
  const fields = { regionId: api.region, instanceId: id, removeSymbols: true };
  const answer = await orNothing(context, () =>
    api.call("GetInstanceConsoleOutput", fields, `read the console of ${id}`, context),
  );
  const { consoleOutput, lastUpdateTime } = answer ?? {};
  if (!consoleOutput) return {};
  return {
    console: Buffer.from(consoleOutput, "base64").toString("utf8"),
    ...(lastUpdateTime && { consoleAtMs: fromChinaTime(lastUpdateTime) }),
  };
}

const stopTries = 30;
const lookEveryMs = 2_000;

/** As if the power went off: a small guest may not know what else a stop could mean. False if it cannot be done, or takes longer than a minute. */
async function isStopped(api: EcsApi, id: string, context: Context): Promise<boolean> {
  const stop = { instanceId: id, forceStop: true };
  const asked = await orNothing(context, () => api.call("StopInstance", stop, `stop ${id}`, context, api.region));
  if (asked === undefined) return false;
  for (let tries = 0; tries < stopTries; tries++) {
    await api.connection.sleep(lookEveryMs, context.signal);
    const which = { regionId: api.region, instanceIds: JSON.stringify([id]) };
    const answer = await orNothing(context, () => api.call("DescribeInstances", which, `look at ${id}`, context));
    if (answer?.instances?.instance?.[0]?.status === "Stopped") return true;
  }
  return false;
}

/** Evidence that is not to be had is missing, no more. */
async function orNothing<T>(context: Context, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (vendorCodeOf(error) === undefined) throw error;
    context.emit({ type: "log", level: "debug", message: (error as Error).message });
    return undefined;
  }
}
