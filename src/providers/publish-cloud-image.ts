import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { step } from "../core/context.ts";
import { CloudimgError, fail } from "../core/errors.ts";
import type { ImageState, ImportHandle } from "./cloud.ts";
import { intend, mark } from "./ledger.ts";
import { awaitImage, type ImageMaking, imagesThere, makeImageOnce, removeBroken } from "./ledger-import.ts";
import type { StoredObject } from "./object-store.ts";
import { persist } from "./poll.ts";
import type { ImportRunRequest } from "./publish-cloud-request.ts";
import { type CloudRun, cloudImageName, importInputs, profileTag, recorded, settleMs } from "./publish-cloud-run.ts";

/** Of a link for the cloud: an import may wait in a queue. It is made anew for each try and written nowhere, since it lets anybody in. */
const linkSeconds = 6 * 3600;
const backTimeoutMs = 10 * 60_000;

type ImportRun = CloudRun<ImportRunRequest>;

/**
 * The image in the cloud's own region: as an earlier run has left it, else uploaded and imported.
 *
 * Errors: those of the store; `cloud/import-failed`, `cloud/name-taken`, `cloud/timeout`.
 */
export async function importedImage(run: ImportRun): Promise<ImageState & { readonly existed: boolean }> {
  const making = homeMaking(run);
  const own = run.journal.record().ledger["image"];
  if (own === undefined || own.state === "removed") {
    const existing = await existingImage(run);
    if (existing !== undefined) return { ...(await broughtBack(run, existing)), existed: true };
  }
  const handle = own?.state !== "removed" ? own?.handle : undefined;
  const begun = handle ?? (await begin(run, making));
  const image = await step(run.context, "wait-import", "Wait for the import", async (progress) => {
    const size = run.request.image.sizeBytes;
    return await awaitImage(making, begun, (percent) => progress.bytes(Math.round((size * percent) / 100), size));
  }).catch(async (error: unknown) => {
    if (error instanceof CloudimgError && error.code === "cloud/not-found")
      await mark(run.journal, "image", { state: "removed" });
    throw withWaysOut(error, run);
  });
  // A cloud forgets its jobs; by its id an image is found for good.
  if (begun.imageId !== image.id || run.journal.record().ledger["image"]?.id !== image.id)
    await mark(run.journal, "image", { id: image.id, handle: { ...begun, imageId: image.id } });
  return { ...image, existed: false };
}

/** Our own check has passed the image, and the cloud's reason is short, if there is one. */
function withWaysOut(error: unknown, { request: { image, object, cloud } }: ImportRun): unknown {
  if (!(error instanceof CloudimgError) || error.code !== "cloud/import-failed") return error;
  const [{ hint, ...first }, ...others] = error.problems;
  const file = object === undefined ? image.path : "FILE";
  const ways = `cloudimg check ${file} --for ${cloud.name} says how the file looks; if nothing is amiss, try it uncompressed, or in another format (output.compress and output.formats of the profile, or cloudimg convert)`;
  return new CloudimgError([{ ...first, hint: hint ?? ways }, ...others], { cause: error });
}

function homeMaking({ request, journal, context, tags }: ImportRun): ImageMaking {
  const { cloud, connection, configuration } = request;
  const { region } = configuration;
  const name = cloudImageName(request);
  return { journal, images: cloud.images, clock: connection, context, key: "image", region, name, tags, settleMs };
}

/** An image of this name and content that another run has made: imported, or on its way. One that failed only takes the name, and is removed. */
async function existingImage(run: ImportRun): Promise<ImageState | undefined> {
  const { context } = run;
  const making = homeMaking(run);
  return await step(context, "find", "Look for the image in the cloud", async (progress) => {
    const found = await imagesThere(making);
    await removeBroken(
      making,
      found.filter(({ state }) => state === "failed"),
    );
    const [usable] = found
      .filter(({ state }) => state !== "failed")
      .sort((a, b) => Number(b.state === "available") - Number(a.state === "available"));
    if (usable === undefined) await checkName(making);
    progress.note(usable === undefined ? "not there yet" : usable.id);
    if (usable?.state !== "pending") return usable;
    return await awaitImage(making, { imageId: usable.id, name: usable.name, region: usable.region }, () => {});
  });
}

/** An older image that is published again is no longer one that is not to be used: of a deprecated one Alibaba launches nothing. */
export async function broughtBack({ request, context }: ImportRun, image: ImageState): Promise<ImageState> {
  if (image.isDeprecated !== true) return image;
  const { cloud, connection: clock } = request;
  const options = {
    clock,
    signal: context.signal,
    what: `bring back the image ${image.name}`,
    timeoutMs: backTimeoutMs,
  };
  await persist(options, () => cloud.images.change(image, { isDeprecated: false }, context));
  return { ...image, isDeprecated: false };
}

/** Before anything is uploaded. Errors: `cloud/name-taken`. */
async function checkName({ images, clock, context, name, region }: ImageMaking): Promise<void> {
  const options = { clock, signal: context.signal, what: `look for the name ${name}`, timeoutMs: settleMs };
  const [taken] = (await persist(options, () => images.find({ region, name }, context))).filter(
    ({ tags }) => tags["cloudimg:image"] === undefined,
  );
  if (taken !== undefined)
    fail("cloud/name-taken", `cannot import the image: its name ${name} is taken by ${taken.id}, which is not ours`, {
      hint: "remove that image in the console, or choose another image.name",
    });
}

async function begin(run: ImportRun, making: ImageMaking): Promise<ImportHandle> {
  const { request, context, tags } = run;
  const { cloud, store, configuration, image } = request;
  const object = await uploadedObject(run);
  return await step(context, "import", `Import the image as ${making.name}`, async (progress) => {
    const { architecture, firmware, hasNvme, description } = configuration;
    const handle = await makeImageOnce(making, async (token) =>
      cloud.images.import(
        {
          ...{ name: making.name, description, object, format: image.format, diskSizeBytes: image.sizeBytes },
          ...{ architecture, firmware, hasNvme, tags, token },
          url: () => store.signedUrl(object, linkSeconds),
        },
        context,
      ),
    );
    progress.note(handle.imageId ?? handle.taskId ?? handle.name);
    return handle;
  });
}

/** The key has the content's digest, so nothing is uploaded twice, and the profile's name, so that no other profile's run removes it. */
async function uploadedObject(run: ImportRun): Promise<StoredObject> {
  const { request, journal, context } = run;
  const { store, image, configuration, connection } = request;
  if (request.object !== undefined) return request.object;
  const { bucket, region } = configuration;
  const inputs = { bucket, inputs: importInputs(request) };
  if (journal.record().ledger["object"]?.state === "removed") await journal.change({ forget: ["upload"] });
  return await recorded(
    { journal, context },
    { id: "upload", title: `Upload to ${bucket}`, inputs },
    async (progress) => {
      const sizeBytes = statSync(image.path).size;
      const sha256 = await digestOf(image.path, context.signal);
      const key = `cloudimg/${profileTag(request.profile)}/${sha256}.${image.format}`;
      await intend(journal, "object", { kind: "object", region, name: bucket, id: key }, connection);
      const statePath = join(journal.directory, "upload.json");
      const wanted = { path: image.path, sizeBytes, sha256, bucket, key, statePath, onProgress: progress.bytes };
      const { existed, ...object } = await store.upload(wanted, context);
      await mark(journal, "object", { state: "made" });
      progress.note(existed ? "was there already" : key);
      return object;
    },
  );
}

async function digestOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, { signal }).catch((error: unknown) => {
    // It says that it was aborted, not why.
    signal.throwIfAborted();
    throw error;
  });
  return hash.digest("hex");
}
