import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import type { ImageService, ImageState, ImportHandle, Tags } from "./cloud.ts";
import type { Journal } from "./journal.ts";
import type { LedgerEntry } from "./journal-record.ts";
import { intend, mark } from "./ledger.ts";
import { type Clock, persist, poll, waitTurn } from "./poll.ts";
import { isPassing, isRefusal } from "./poll-passing.ts";

const importTimeoutMs = 2 * 3600_000;
/** An image that was being made, and is not seen for so long, is gone. */
const goneMs = 10 * 60_000;
const lookTimeoutMs = 5 * 60_000;
const attempts = 5;

/** An image that is to be made: by import, or as a copy in another region. */
export interface ImageMaking {
  readonly journal: Journal;
  readonly images: ImageService;
  readonly clock: Clock;
  readonly context: Context;
  /** Of the ledger. */
  readonly key: string;
  readonly region: string;
  readonly name: string;
  readonly tags: Tags;
  readonly settleMs: number;
}

/**
 * Begins an import or a copy, once. The intent is on disk before the cloud is asked. After a crash, or when the answer was lost, what was begun is looked for before
 * anything is asked again: not every cloud takes a token.
 */
export async function makeImageOnce(
  making: ImageMaking,
  create: (token: string) => Promise<ImportHandle>,
): Promise<ImportHandle> {
  const { journal, clock, context, key, region, name } = making;
  const earlier = journal.record().ledger[key];
  if (earlier?.handle !== undefined && earlier.state !== "removed") return earlier.handle;
  const entry = await intend(journal, key, { kind: "image", region, name }, clock);
  const handle = (earlier?.state === "intended" ? await lookForMade(making, entry) : undefined) ?? (await ask());
  await mark(journal, key, { state: "made", handle, id: handle.imageId });
  return handle;

  async function ask(): Promise<ImportHandle> {
    for (let n = 0; ; n++) {
      try {
        return await create(entry.token);
      } catch (error) {
        context.signal.throwIfAborted();
        const mayBeThere = !isRefusal(error) || error.code === "cloud/name-taken";
        const found = mayBeThere ? await lookForMade(making, { ...entry, intendedAtMs: clock.now() }) : undefined;
        if (found !== undefined) return found;
        if (isRefusal(error)) await mark(journal, key, { state: "removed" });
        if (!isPassing(error) || n + 1 >= attempts) throw error;
        await waitTurn(n, clock, context.signal);
      }
    }
  }
}

/** Asks which images of this name and content there are, whoever has made them. */
export async function imagesThere({ images, clock, context, region, name, tags }: ImageMaking): Promise<ImageState[]> {
  const wanted = { region, name, tags: { "cloudimg:image": tags["cloudimg:image"] } };
  const what = `look for the image ${name} in ${region}`;
  return await persist({ clock, signal: context.signal, what, timeoutMs: lookTimeoutMs }, () =>
    images.find(wanted, context),
  );
}

/** Removes images that are of no use to anybody. */
export async function removeBroken(
  { images, clock, context }: Pick<ImageMaking, "images" | "clock" | "context">,
  broken: readonly ImageState[],
): Promise<void> {
  for (const image of broken) {
    const what = `remove the image ${image.name}, which could not be imported`;
    await persist({ clock, signal: context.signal, what, timeoutMs: lookTimeoutMs }, () =>
      images.remove(image, context),
    );
  }
}

/** Looks for what was begun under an entry, for as long as a cloud may take to show it. */
async function lookForMade(making: ImageMaking, entry: LedgerEntry): Promise<ImportHandle | undefined> {
  const { images, clock, context, region, name, tags, settleMs } = making;
  const wanted = { region, name, tags: { "cloudimg:run": tags["cloudimg:run"] } };
  const what = `look for the image ${name}`;
  const found = await poll(
    { clock, signal: context.signal, what, timeoutMs: settleMs + lookTimeoutMs },
    () => images.find(wanted, context),
    ([image]) => image ?? (clock.now() - entry.intendedAtMs > settleMs ? "none" : undefined),
  );
  return found === "none" ? undefined : { imageId: found.id, name, region };
}

/**
 * Waits for an image that is being made.
 *
 * Errors: `cloud/import-failed`, with the cloud's reason; `cloud/not-found` if it has vanished; `cloud/timeout`.
 */
export async function awaitImage(
  making: Pick<ImageMaking, "images" | "clock" | "context" | "name">,
  handle: ImportHandle,
  onPercent: (percent: number) => void,
): Promise<ImageState> {
  const { images, clock, context, name } = making;
  let seenMs = clock.now();
  const image = await poll(
    {
      ...{ clock, signal: context.signal, what: `import the image ${name}`, timeoutMs: importTimeoutMs },
      hint: "publish again: it goes on waiting",
      onFault: (error) =>
        context.emit({ type: "log", level: "debug", message: `asked again for the image ${name}: ${error}` }),
    },
    () => images.find({ handle }, context),
    ([state]) => {
      if (state === undefined) return clock.now() - seenMs > goneMs ? "gone" : undefined;
      seenMs = clock.now();
      if (state.percent !== undefined) onPercent(state.percent);
      return state.state === "pending" ? undefined : state;
    },
  );
  if (image === "gone")
    fail("cloud/not-found", `cannot import the image ${name}: the cloud does not know it any more`, {
      hint: "was it removed meanwhile? Publish again to import it anew",
    });
  if (image.state === "failed")
    fail("cloud/import-failed", `cannot import the image ${name}: ${image.reason ?? "the cloud gives no reason"}`);
  return image;
}
