import { writeFileSync } from "node:fs";
import type { Context } from "../core/context.ts";
import { errnoOf, fail } from "../core/errors.ts";
import type { CloudName, EvidenceWish } from "../providers/cloud.ts";
import { persist } from "../providers/poll.ts";
import { mustFind } from "./cleaning-instances.ts";
import type { CloudOptions } from "./cloud-options.ts";
import { type CloudAccess, type CloudSession, openCloud } from "./cloud-session.ts";

/** Where a person sees the screen, in each cloud's own words. */
const windows: Readonly<Record<CloudName, string>> = {
  tencent: "in the web console of CVM, Log in → VNC shows its screen; or log in by ssh and run dmesg",
  alibaba: "in the web console of ECS, Connect → VNC shows its screen",
  huawei: "in the web console of ECS, Remote Login → VNC shows its screen",
};

/** Alibaba gives one in ten seconds. */
const betweenScreensMs = 10_500;
const screenTries = 3;

/** The serial console of an instance, as far as the cloud shows it. Errors: `cloud/refused` where it shows none, `cloud/not-found`. */
export async function cloudConsole(
  id: string,
  options: CloudOptions,
  context: Context,
  access?: CloudAccess,
): Promise<{ readonly lines: readonly string[]; readonly takenAtMs: number | undefined }> {
  const session = await openCloud(options.provider, { region: options.region }, context, access);
  if (session.cloud.capabilities.console === "none")
    fail("cloud/refused", `cannot read the console of ${id}: ${session.title} has no API for it`, {
      hint: windows[session.name],
    });
  await mustFind(id, "read the console of", session, context);
  const { console: printed = "", consoleAtMs } = await evidenceOf(id, session, context, { hasScreenshot: false });
  const text = printed.replace(/\r/g, "").replace(/\n+$/, "");
  if (text === "")
    context.emit({
      type: "log",
      level: "info",
      message: `${session.title} shows nothing of the console of ${id} yet`,
      hint: "it may take some minutes after the start",
    });
  return { lines: text === "" ? [] : text.split("\n"), takenAtMs: consoleAtMs };
}

/** Errors: `cloud/refused` where the cloud takes none, `cloud/not-found`, `cloud/busy` while there is none, `host/not-writable`. */
export async function cloudScreenshot(
  id: string,
  path: string | undefined,
  options: CloudOptions,
  context: Context,
  access?: CloudAccess,
): Promise<string> {
  const session = await openCloud(options.provider, { region: options.region }, context, access);
  if (!session.cloud.capabilities.screenshot)
    fail("cloud/refused", `cannot take a screenshot of ${id}: ${session.title} has no API for it`, {
      hint: windows[session.name],
    });
  const { state } = await mustFind(id, "take a screenshot of", session, context);
  let { screenshot } = await evidenceOf(id, session, context);
  for (let n = 1; n < screenTries && screenshot === undefined && state === "running"; n++) {
    await session.connection.sleep(betweenScreensMs, context.signal);
    ({ screenshot } = await evidenceOf(id, session, context));
  }
  if (screenshot === undefined)
    return fail("cloud/busy", `cannot take a screenshot of ${id}: there is none now (the instance is ${state})`, {
      hint: "it must run, and its screen must be on; try again in a minute",
    });
  const to = path ?? `screenshot.${screenshot.format}`;
  if (screenshot.format === "jpg" && /\.png$/i.test(to))
    context.emit({ type: "log", level: "warning", message: `${to}: what ${session.title} sends is a JPEG` });
  try {
    writeFileSync(to, screenshot.bytes);
  } catch (error) {
    fail("host/not-writable", `cannot write ${to}: ${errnoOf(error)}`, { cause: error });
  }
  return to;
}

function evidenceOf(id: string, { cloud, connection: clock }: CloudSession, context: Context, wish: EvidenceWish = {}) {
  const patience = { clock, signal: context.signal, what: `look at the instance ${id}`, timeoutMs: 60_000 };
  return persist(patience, () => cloud.instances.evidence(id, context, wish));
}
