import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { canonicalDigest } from "../core/canonical-json.ts";
import type { Context } from "../core/context.ts";
import { CloudimgError, fail } from "../core/errors.ts";
import { readUserFile } from "../core/user-file.ts";
import { largestFileBytes } from "../guest-config/sources/file-reader.ts";
import { cleanJournal } from "../providers/clean-cloud.ts";
import type { ImageState, Offer } from "../providers/cloud.ts";
import { instanceUserData } from "../providers/instance-user-data.ts";
import { type Journal, newJournal } from "../providers/journal.ts";
import { takeScope } from "../providers/journal-scope.ts";
import { keepMade } from "../providers/ledger.ts";
import { persist } from "../providers/poll.ts";
import { awaitRunning, launchedInstance } from "../providers/publish-cloud-launch.ts";
import type { LaunchRunRequest, MachineWish } from "../providers/publish-cloud-request.ts";
import { type CloudRun, tagsOf } from "../providers/publish-cloud-run.ts";
import { forgetKey } from "../providers/publish-cloud-scope.ts";
import { accountOf } from "./cloud-account.ts";
import { type CloudOptions, durationOption, sizeOption, unknownName, withHint } from "./cloud-options.ts";
import { type CloudAccess, type CloudSession, openCloud } from "./cloud-session.ts";
import { type LoginKeys, loginKeys } from "./launching-keys.ts";
import { writeRunKey } from "./run-key-file.ts";

export interface LaunchOptions extends CloudOptions {
  readonly key?: readonly string[];
  readonly userData?: string;
  readonly type?: readonly string[];
  readonly spot?: boolean;
  readonly lifetime: string;
  readonly port: readonly number[];
  readonly cpus: number;
  readonly memory: string;
}

export interface Launched {
  readonly run: string;
  readonly id: string;
  readonly address: string;
  readonly offer: Offer | undefined;
  /** The cloud itself ends it then. Milliseconds since 1970. */
  readonly endsAtMs: number;
  /** The private key's file; undefined: ssh finds it by itself. */
  readonly keyPath: string | undefined;
}

/**
 * An instance of a cloud's image, of the cheapest kind that can be had, with a security group and a key pair of its own. All of it is in the journal of a run, so that it goes when that
 * is cleaned; the cloud itself ends the instance when its life is over. Interrupted, or failed, it leaves nothing.
 *
 * Errors: `usage/…`, `cloud/…`.
 */
export async function launchImage(
  imageId: string,
  options: LaunchOptions,
  context: Context,
  access?: CloudAccess,
): Promise<Launched> {
  const lifetimeMs = durationOption("--lifetime", options.lifetime);
  const memoryBytes = sizeOption("--memory", options.memory);
  const keys = loginKeys(options.key, context);
  const given = options.userData === undefined ? undefined : readUserFile(options.userData, largestFileBytes);
  const session = await openCloud(options.provider, { region: options.region }, context, access);
  const image = await findImage(imageId, session, context);
  const scope = launchScope(session);
  const lock = takeScope(scope, context);
  if ("holder" in lock) throw new TypeError(`a lock of a new launch is held by ${lock.holder.pid}`);
  try {
    const hardware = { cpus: options.cpus, memoryBytes, openPorts: options.port, isSpot: options.spot === true };
    const request = requestFor(
      image,
      { ...hardware, lifetimeMs, instanceTypes: options.type },
      session,
      async (directory) => {
        const { publicKeyLine, more } = await keys(directory);
        return { publicKeyLine, userData: instanceUserData({ given, authorizedKeys: more }) };
      },
    );
    const identity = image.tags["cloudimg:image"] ?? image.id;
    const owner = await accountOf(session, context);
    const run = { scope, owner, inputs: canonicalDigest([imageId]), identity, imageName: image.name };
    const journal = await newJournal(run, { clock: session.connection }, context);
    return await launched(journal, request, image, keys, context);
  } finally {
    lock.release();
  }
}

/** Of its own: launches do not wait for one another, nor go on where another was cut off. */
function launchScope({ name, region }: CloudSession) {
  const suffix = randomBytes(4).toString("hex");
  return { cloud: name, region, account: "-", profile: `launch-${suffix}` };
}

/** Errors: `cloud/not-found`, `cloud/busy`, `cloud/refused`. */
async function findImage(id: string, session: CloudSession, context: Context): Promise<ImageState> {
  const { cloud, connection, region, title } = session;
  const patience = { clock: connection, signal: context.signal, what: `look for the image ${id}`, timeoutMs: 60_000 };
  const [image] = await persist(patience, () =>
    cloud.images.find({ handle: { imageId: id, name: "", region } }, context),
  ).catch((error: unknown) => {
    // Some refuse an id that is none.
    if (error instanceof CloudimgError && ["cloud/not-found", "cloud/refused"].includes(error.code)) return [];
    throw error;
  });
  if (image === undefined) {
    const ids = (await cloud.images.find({ region }, context)).map((known) => known.id);
    const message = `cannot launch ${id}: ${title} has no image of yours with this id in ${region}`;
    return unknownName(message, id, ids, `cloudimg images -p ${session.name} --region ${region}`);
  }
  const { state, percent, reason } = image;
  if (state === "pending")
    fail("cloud/busy", `cannot launch ${id}: it is still being made${percent === undefined ? "" : ` (${percent}%)`}`, {
      hint: "try again when cloudimg images shows it as available",
    });
  if (state === "failed")
    fail("cloud/refused", `cannot launch ${id}: its import has failed${reason ? `: ${reason}` : ""}`);
  return image;
}

function requestFor(
  { architecture = "amd64", firmware = "bios", diskSizeBytes = 0 }: ImageState,
  machine: Omit<MachineWish, "diskSizeBytes">,
  { cloud, store, connection, region }: CloudSession,
  access: LaunchRunRequest["access"],
): LaunchRunRequest {
  const configuration = { region, architecture, firmware, machine: { ...machine, diskSizeBytes } };
  return { cloud, store, connection, configuration, access };
}

async function launched(
  journal: Journal,
  request: LaunchRunRequest,
  image: ImageState,
  keys: LoginKeys,
  context: Context,
): Promise<Launched> {
  const { id: runId, identity, scope } = journal.record();
  const tags = tagsOf(runId, { image: { identity }, profile: scope.profile });
  const run: CloudRun<LaunchRunRequest> = { request, journal, context, tags, instanceName: `cloudimg-${runId}` };
  try {
    const instance = await launchedInstance(run, image);
    const { address } = await awaitRunning(run, instance);
    const { privateKey, path } = await keys(journal.directory);
    const keyPath = privateKey === undefined ? path : await writeRunKey(instance.id, privateKey, context);
    await keepMade(journal);
    await journal.change({ state: "done" });
    const endsAtMs = journal.record().ledger["instance"]?.launch?.endsAtMs ?? 0;
    return { run: runId, id: instance.id, address, offer: instance.offer, endsAtMs, keyPath };
  } catch (error) {
    const left = await cleanJournal(journal, request, () => true, context);
    const id = journal.record().ledger["instance"]?.id;
    if (id !== undefined) rmSync(join(context.directories.data, "keys", id), { force: true });
    if (left.length === 0) forgetKey(journal);
    const message = error instanceof Error ? error.message : String(error);
    await journal.change({ state: "failed", error: message }).catch(() => {});
    for (const { kind, id, name, fault } of left)
      context.emit({
        type: "log",
        level: "warning",
        message: `cannot remove the ${kind} ${id ?? name}: ${fault ?? "it is not known whether it is there"}`,
        hint: `try again later: cloudimg clean ${runId}`,
      });
    const hint = `try again later, name other kinds with --type, or ${request.configuration.machine.isSpot ? "leave --spot out" : "try --spot"}`;
    throw withHint(error, "cloud/sold-out", hint);
  }
}
