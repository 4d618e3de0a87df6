import { step } from "../core/context.ts";
import { CloudimgError, fail } from "../core/errors.ts";
import { note, removeOutstanding } from "./clean-cloud-remove.ts";
import type { ImageState, InstanceRequest, InstanceState, Offer } from "./cloud.ts";
import type { LedgerEntry } from "./journal-record.ts";
import { intend, mark } from "./ledger.ts";
import { poll } from "./poll.ts";
import { isPassing, isRefusal } from "./poll-passing.ts";
import type { Access, LaunchRunRequest, RunRequest } from "./publish-cloud-request.ts";
import { type CloudRun, settleMs } from "./publish-cloud-run.ts";
import { pushedConsoleUrl } from "./pushed-console.ts";

const launchTimeoutMs = 15 * 60_000;
const endTimeoutMs = 10 * 60_000;
/** An instance that was there, and is not seen for so long, is gone. */
const goneMs = 5 * 60_000;
/** What is left of its life must do for the checks. */
const leastLifeMs = 10 * 60_000;
const attempts = 4;

type LaunchRun = CloudRun<LaunchRunRequest>;

export interface LaunchedInstance extends InstanceState {
  readonly offer: Offer | undefined;
}

/**
 * An instance of the image: the one that an earlier try has left, if it is good for the checks, else a new one of the cheapest kind that can be had. It is only begun.
 *
 * Errors: `cloud/sold-out` if no kind can be had; what the cloud refuses.
 */
export async function launchedInstance(run: LaunchRun, image: ImageState): Promise<LaunchedInstance> {
  return await step(run.context, "launch", "Launch an instance", async (progress) => {
    const earlier = await earlierInstance(run);
    if (earlier !== undefined) progress.cached();
    const instance = earlier ?? (await launchAnew(run, image));
    const { offer } = instance;
    progress.note(offer === undefined ? instance.id : `${instance.id}, ${describeOffer(offer)}`);
    return instance;
  });
}

/** `S5.SMALL1 in ap-guangzhou-3, spot, 0.08 CNY an hour` */
function describeOffer({ instanceType, zone, isSpot, price }: Offer): string {
  const cost = price === undefined ? "" : `, ${price.perHour} ${price.currency} an hour`;
  return `${instanceType} in ${zone}${isSpot ? ", spot" : ""}${cost}`;
}

/** Looks for what the ledger has: the one whose answer was lost too. One that is no good any more is removed. */
async function earlierInstance(run: LaunchRun): Promise<LaunchedInstance | undefined> {
  const { journal, request } = run;
  const { connection: clock } = request;
  const entry = journal.record().ledger["instance"];
  if (entry === undefined || entry.state === "removed") return undefined;
  const found = (await lookForInstance(run, entry, entry.intendedAtMs)) ?? "none";
  const { launch } = entry;
  const hasLife = launch !== undefined && launch.endsAtMs - clock.now() >= leastLifeMs;
  if (found !== "none" && hasLife && (found.state === "pending" || found.state === "running")) {
    if (entry.id === undefined) await mark(journal, "instance", { state: "made", id: found.id });
    return { ...found, offer: launch.offer };
  }
  if (found !== "none") {
    if (entry.id === undefined) await mark(journal, "instance", { state: "made", id: found.id });
    await endInstance(run);
  } else await mark(journal, "instance", { state: "removed" });
  return undefined;
}

/** The instance of an entry, whatever its state. Not seen means not there only when the cloud has had time to show it. */
async function lookForInstance(
  run: LaunchRun,
  entry: LedgerEntry,
  sinceMs: number,
): Promise<InstanceState | undefined> {
  const { journal, request, context } = run;
  const { cloud, connection: clock } = request;
  const tags = { "cloudimg:run": journal.record().id };
  const found = await poll(
    { clock, signal: context.signal, what: "look for the instance", timeoutMs: settleMs + endTimeoutMs },
    () => cloud.instances.find(entry.id === undefined ? { tags } : { id: entry.id }, context),
    (states) =>
      states.find(({ state }) => state !== "gone") ??
      (clock.now() - sinceMs > settleMs ? ("none" as const) : undefined),
  );
  return found === "none" ? undefined : found;
}

/** Removes the instance itself, so that another can be made. Errors: `cloud/busy`. */
export async function endInstance({ journal, request, context }: CloudRun<RunRequest>): Promise<void> {
  const { cloud, store, connection: clock } = request;
  const wanted = ({ kind }: { kind: string }) => kind === "instance";
  await removeOutstanding({ cloud, store, journal, clock, context, wanted, timeoutMs: endTimeoutMs, settleMs });
  context.signal.throwIfAborted();
  const { state, fault } = journal.record().ledger["instance"] ?? {};
  if (state !== undefined && state !== "removed")
    fail("cloud/busy", `cannot end the instance: ${fault ?? "it is still there"}`, { hint: "publish again" });
}

async function launchAnew(run: LaunchRun, image: ImageState): Promise<LaunchedInstance> {
  const { journal, request, context, instanceName: name, tags } = run;
  const { cloud, connection: clock, configuration } = request;
  const { architecture, firmware, machine, bucket } = configuration;
  const { lifetimeMs, ...hardware } = machine;
  const life = Math.max(lifetimeMs, leastLifeMs, cloud.capabilities.leastEndMs);
  const access = await request.access(journal.directory, context, {
    consoleUrl: async () =>
      cloud.capabilities.console === "text" || bucket === undefined
        ? undefined
        : await pushedConsoleUrl(run, bucket, Math.ceil((life + launchTimeoutMs) / 1000)),
  });
  checkUserData(access, cloud.capabilities.userDataBytes);
  const wanted = (token: string, endsAtMs: number): InstanceRequest => ({
    ...{ imageId: image.id, name, architecture, firmware, ...hardware, ...accessOf(access) },
    ...{ endsAtMs, tags, token },
  });
  const offers = await poll(
    { clock, signal: context.signal, what: "ask which machines can be had", timeoutMs: launchTimeoutMs },
    () => cloud.instances.offers(wanted("", clock.now() + life), context),
    (some) => some,
  );
  let refusal = "";
  for (const offer of offers) {
    // What it costs is told before it costs.
    context.emit({ type: "log", level: "info", message: `${refusal}launching ${describeOffer(offer)}` });
    const instance = await tryOffer(run, offer, life, wanted);
    if (!("refusal" in instance)) return { ...instance, offer };
    refusal = `${offer.instanceType} in ${offer.zone}: ${instance.refusal}; `;
  }
  const tried = offers.map(({ instanceType, zone }) => `${instanceType} in ${zone}`).join(", ");
  fail(
    "cloud/sold-out",
    tried === ""
      ? "cannot launch an instance: nothing that fits can be had now"
      : `cannot launch an instance: none of ${tried} can be had now. Of the last: ${refusal.slice(0, -2)}`,
    {
      hint: "publish again later: it continues here. Or ask for another size, or for one that is not spot",
    },
  );
}

/** Errors: `cloud/refused`. */
function checkUserData({ userData }: Access, mostBytes: number): void {
  if (userData === undefined || userData.length <= mostBytes) return;
  fail("cloud/refused", `cannot launch an instance: its user data has ${userData.length} bytes`, {
    hint: `this cloud takes ${mostBytes}, with the part that cloudimg adds; let the guest fetch the rest`,
  });
}

function accessOf({ publicKeyLine, userData }: Access): Pick<InstanceRequest, "publicKeyLine" | "userData"> {
  return { publicKeyLine, ...(userData !== undefined && { userData }) };
}

interface Refused {
  /** Why it cannot be had, in the cloud's words. */
  readonly refusal: string;
}

/** A lost answer is looked for, and asked for again with the same token: so there is never a second instance. */
async function tryOffer(
  run: LaunchRun,
  offer: Offer,
  lifeMs: number,
  wanted: (token: string, endsAtMs: number) => InstanceRequest,
): Promise<InstanceState | Refused> {
  const { journal, request, context, instanceName: name } = run;
  const { cloud, connection: clock, configuration } = request;
  const endsAtMs = clock.now() + lifeMs;
  const { region } = configuration;
  const entry = await intend(
    journal,
    "instance",
    { kind: "instance", region, name, launch: { offer, endsAtMs } },
    clock,
  );
  for (let n = 0; ; n++) {
    let instance: InstanceState;
    try {
      const made = (resource: Parameters<typeof note>[1]) => note(journal, resource, clock, true);
      instance = await cloud.instances.launch(wanted(entry.token, endsAtMs), offer, made, context);
    } catch (error) {
      context.signal.throwIfAborted();
      const isKnown = journal.record().ledger["instance"]?.id !== undefined;
      // Some clouds find out late, when it has an id already.
      if (error instanceof CloudimgError && error.code === "cloud/sold-out" && isKnown) await endInstance(run);
      // The cloud's own no means that nothing is there; of anything else that is not known.
      if (isRefusal(error) && !isKnown) await mark(journal, "instance", { state: "removed" });
      if (error instanceof CloudimgError && error.code === "cloud/sold-out")
        return { refusal: error.message.replace(/^cannot [^:]+: /, "") };
      if (!isPassing(error) || n + 1 >= attempts) throw error;
      const seen = await lookForInstance(run, journal.record().ledger["instance"] ?? entry, clock.now());
      if (seen === undefined) continue;
      instance = seen;
    }
    if (journal.record().ledger["instance"]?.id !== instance.id)
      await mark(journal, "instance", { state: "made", id: instance.id });
    return instance;
  }
}

/** Waits until an instance runs and has a public address. Errors: `cloud/launch-failed`, `cloud/timeout`. */
export async function awaitRunning(run: LaunchRun, instance: LaunchedInstance): Promise<{ readonly address: string }> {
  const { request, context } = run;
  const { cloud, connection: clock } = request;
  const { id } = instance;
  return await step(context, "wait-instance", "Wait for the instance to run", async (progress) => {
    let seenMs = clock.now();
    const address = await poll(
      { clock, signal: context.signal, what: `start the instance ${id}`, timeoutMs: launchTimeoutMs },
      () => cloud.instances.find({ id }, context),
      ([state]) => {
        if (state === undefined && clock.now() - seenMs <= goneMs) return undefined;
        seenMs = clock.now();
        if (state === undefined || !["pending", "running"].includes(state.state)) return { reason: reasonOf(state) };
        const [first] = state.publicAddresses;
        return state.state === "running" && first !== undefined ? { address: first } : undefined;
      },
    );
    if ("reason" in address) fail("cloud/launch-failed", `cannot start the instance ${id}: ${address.reason}`);
    progress.note(address.address);
    return address;
  });
}

function reasonOf(state: InstanceState | undefined): string {
  if (state === undefined) return "it has vanished";
  return state.reason ?? `it is ${state.state}, and the cloud gives no reason`;
}
