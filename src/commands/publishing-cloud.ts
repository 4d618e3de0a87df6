import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../core/context.ts";
import { CloudimgError } from "../core/errors.ts";
import type { Event } from "../core/events.ts";
import type { LoadedProfile } from "../profile/load.ts";
import type { CloudName, Resource } from "../providers/cloud.ts";
import { cloudConfiguration, uploadFormat } from "../providers/cloud-configuration.ts";
import type { BuiltImage } from "../providers/provider.ts";
import type { CloudPublishReport } from "../providers/publish-cloud-request.ts";
import type { Rehearsal } from "../rehearsal/rehearsal.ts";
import type { SmokeResult } from "../smoke/result.ts";
import type { Built } from "./built.ts";
import { accountOf } from "./cloud-account.ts";
import { type CloudSession, openCloud } from "./cloud-session.ts";
import { cloudSmoke, type SmokePatience } from "./publishing-access.ts";
import { checkImageFile } from "./publishing-check.ts";
import type { Told } from "./publishing-facts.ts";

export interface CloudPublishing {
  readonly name: CloudName;
  readonly title: string;
  readonly loaded: LoadedProfile;
  readonly region: string | undefined;
  readonly bucket: string | undefined;
  /** Gives the same image to everybody who asks. */
  readonly build: () => Promise<Built>;
  /** Plays the cloud, anew for each publish. Whoever asked closes it. */
  readonly rehearse?:
    | ((name: CloudName, region: string | undefined, context: Context) => Promise<Rehearsal>)
    | undefined;
  readonly patience?: SmokePatience | undefined;
}

/** Publishes to one cloud, or to one that is played. Whatever happens is told, nothing is thrown. */
export async function publishOnce(publishing: CloudPublishing, context: Context): Promise<Omit<Told, "steps">> {
  const { name, title, loaded, rehearse } = publishing;
  const wished = loaded.profile.provider[name];
  const region = publishing.region ?? wished.region;
  const bucket = publishing.bucket ?? wished.bucket;
  const role = "role" in wished ? wished.role : "agency" in wished ? wished.agency : undefined;
  const told = { title, region: region ?? "", run: undefined, report: undefined, checks: [], address: undefined };
  const nothing = { ...told, leftInCloud: undefined };
  let rehearsal: Rehearsal | undefined;
  try {
    // After a Ctrl-C the played cloud must still be there, for what has been made is removed then.
    rehearsal = await rehearse?.(name, region, { ...context, signal: new AbortController().signal });
    const wish = { region: rehearsal?.region ?? region, bucket: rehearsal?.bucket ?? bucket, role };
    const session = await openCloud(name, wish, context, rehearsal);
    const outcome = await published(publishing, session, context);
    const left = await leftIn(rehearsal, session, outcome.report, loaded, context);
    return { ...told, region: session.region, ...outcome, error: outcome.error ?? leftError(left), leftInCloud: left };
  } catch (error) {
    return { ...nothing, error };
  } finally {
    await rehearsal?.close();
  }
}

type Outcome = Pick<Told, "run" | "report" | "error" | "checks" | "address">;

async function published(publishing: CloudPublishing, session: CloudSession, context: Context): Promise<Outcome> {
  const { publishToCloud } = await import("../providers/publish-cloud.ts");
  const { name, loaded, build, patience } = publishing;
  const { profile } = loaded;
  const { cloud, store, connection } = session;
  let run: string | undefined;
  let address: string | undefined;
  const checks: SmokeResult[] = [];
  const smoke = cloudSmoke(profile, session, { ...patience, onResult: (result) => checks.push(result) });
  try {
    const report = await publishToCloud(
      {
        ...{ cloud, store, connection, profile: profile.image.name },
        owner: (inner) => accountOf(session, inner),
        configuration: cloudConfiguration(name, profile, session),
        async build(inner) {
          const image = imageFor(name, profile, await build());
          if (image.format === "raw" && profile.output.formats.includes("qcow2")) inner.emit(rawIsSent(session.title));
          await checkImageFile(image.path, name, inner);
          return image;
        },
        access: smoke.access,
        async smoke(subject, inner) {
          // An instance that was lost is replaced: its verdicts count no more.
          checks.length = 0;
          address = subject.address;
          return await smoke.check(subject, inner);
        },
        smokeInputs: { smoke: profile.smoke, user: profile.instance.user, services: [profile.services.ssh.port] },
        onRun(id) {
          run = id;
        },
      },
      context,
    );
    return { run, report, error: undefined, checks, address };
  } catch (error) {
    return { run, report: undefined, error, checks, address };
  }
}

function rawIsSent(title: string): Event {
  const message = `${title} gets the raw file: whether its import reads compressed qcow2 is said nowhere`;
  const hint = "with output.compress: false it gets qcow2, in which empty space costs nothing";
  return { type: "log", level: "info", message, hint };
}

function imageFor(name: CloudName, profile: LoadedProfile["profile"], built: Built): BuiltImage {
  const format = uploadFormat(name, profile);
  const file = built.files.find((some) => some.format === format);
  if (file === undefined) throw new TypeError(`the build made no ${format}`);
  return { name: built.name, path: file.path, format, identity: built.identity, sizeBytes: built.diskSizeBytes };
}

/** What a played cloud says is there, but for what is meant to stay: the images with what belongs to them, and the file if it was asked for. */
async function leftIn(
  rehearsal: Rehearsal | undefined,
  { cloud, region }: CloudSession,
  report: CloudPublishReport | undefined,
  { profile }: LoadedProfile,
  context: Context,
): Promise<Resource[] | undefined> {
  if (rehearsal === undefined) return undefined;
  const calm = { ...context, signal: new AbortController().signal };
  const meant = new Set<string>();
  for (const { id, name, region: where } of report?.images ?? []) {
    const handle = { imageId: id, name, region: where };
    const states = await cloud.images.find({ handle, ...(where !== region && { region: where }) }, calm);
    for (const state of states) for (const each of [state.id, ...state.parts.map((part) => part.id)]) meant.add(each);
  }
  const { keepObject } = profile.publish;
  return rehearsal
    .left()
    .filter(({ kind, id }) => !meant.has(id) && !(keepObject && report !== undefined && kind === "object"));
}

/** Of a publish that went well: one that failed may have left an image and its file for the next try. */
function leftError(left: readonly Resource[] | undefined): CloudimgError | undefined {
  if (left === undefined || left.length === 0) return undefined;
  return new CloudimgError(
    left.map(({ kind, id, region }) => ({
      code: "check/left-behind",
      message: `the publish has left ${kind} ${id} in ${region}`,
      hint: "this is a defect of cloudimg: please report it",
    })),
  );
}

/** A directory for what a rehearsal keeps: its journal is no matter of the next one. */
export function rehearsalDirectory(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "cloudimg-rehearsal-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
