import type { Context } from "../../core/context.ts";
import type { InstanceService } from "../cloud.ts";
import type { EcsApi } from "./api.ts";
import { fromChinaTime } from "./values.ts";
import { vendorCodeOf } from "./vendor-error.ts";

type Evidence = Awaited<ReturnType<InstanceService["evidence"]>>;

/** The console is what the service kept at the last start, reboot or stop; the screen is asked for at most every ten seconds. Neither is there while the instance is being made. */
export async function takeEvidence(api: EcsApi, id: string, context: Context): Promise<Evidence> {
  const which = { regionId: api.region, instanceId: id };
  const console = await orNothing(context, () =>
    api.call("GetInstanceConsoleOutput", { ...which, removeSymbols: true }, `read the console of ${id}`, context),
  );
  const screen = await orNothing(context, () =>
    api.call("GetInstanceScreenshot", which, `look at the screen of ${id}`, context),
  );
  const { consoleOutput, lastUpdateTime } = console ?? {};
  return {
    ...(consoleOutput && { console: Buffer.from(consoleOutput, "base64").toString("utf8") }),
    ...(consoleOutput && lastUpdateTime && { consoleAtMs: fromChinaTime(lastUpdateTime) }),
    ...(screen?.screenshot && {
      screenshot: { format: "jpg" as const, bytes: new Uint8Array(Buffer.from(screen.screenshot, "base64")) },
    }),
  };
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
