import type { Context } from "../../core/context.ts";
import type { HuaweiClient } from "./client.ts";
import type { WireTag } from "./tags.ts";

/** The same twice is no error: a key has one value. */
export async function changeTags(
  client: HuaweiClient,
  imageId: string,
  action: "create" | "delete",
  tags: readonly WireTag[],
  context: Context,
): Promise<void> {
  if (tags.length === 0) return;
  const call = {
    what: `tag the image ${imageId}`,
    path: { image_id: imageId },
    body: { action, tags },
    isRepeatable: true,
  };
  await client.call("ims.BatchAddOrDeleteTags", call, context);
}
