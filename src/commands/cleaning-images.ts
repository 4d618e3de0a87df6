import { type Context, step } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import type { ImageState } from "../providers/cloud.ts";
import { persist } from "../providers/poll.ts";
import { type CloudOptions, unknownName } from "./cloud-options.ts";
import { type CloudAccess, openCloud } from "./cloud-session.ts";

/** Removes images of a cloud by their ids: only those that cloudimg has made. Before the first is touched, all are looked for. Errors: `cloud/not-found`, `cloud/refused`. */
export async function cleanCloudImages(
  ids: readonly string[],
  options: CloudOptions & { readonly dryRun?: boolean },
  context: Context,
  access?: CloudAccess,
): Promise<string[]> {
  const session = await openCloud(options.provider, { region: options.region }, context, access);
  const { cloud, connection: clock, region, title, name } = session;
  const patience = { clock, signal: context.signal, what: `list the images in ${region}`, timeoutMs: 60_000 };
  const known = await persist(patience, () => cloud.images.find({ region }, context));
  const wanted = ids.map((id): ImageState => {
    const image = known.find((one) => one.id === id);
    const message = `cannot clean ${id}: no run has this id, and ${title} has no such image in ${region}`;
    const all = known.map((one) => one.id);
    if (image === undefined) return unknownName(message, id, all, `cloudimg images -p ${name} --region ${region}`);
    if (image.tags["cloudimg:run"] === undefined)
      fail("cloud/refused", `cannot clean the image ${id} (${image.name}): cloudimg has not made it`, {
        hint: "remove it in the web console",
      });
    return image;
  });
  if (options.dryRun !== true)
    for (const image of wanted)
      await step(context, "remove", `Remove the image ${image.id}`, () =>
        persist({ ...patience, what: `remove the image ${image.id}`, timeoutMs: 10 * 60_000 }, () =>
          cloud.images.remove(image, context),
        ),
      );
  return wanted.map(({ id }) => `image ${id}`);
}
