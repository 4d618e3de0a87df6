import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import type { Settings } from "./settings.ts";
import { vendorCodeOf } from "./vendor-error.ts";

/**
 * With its snapshots, and taken back from those that it is shared with: it cannot be removed before.
 *
 * Errors: `cloud/image-in-use` if it should be unused and is shared.
 */
export async function removeImage(
  { api }: Settings,
  id: string,
  region: string,
  context: Context,
  { isUnused }: { readonly isUnused: boolean } = { isUnused: false },
): Promise<void> {
  const options = { what: `remove the image ${id}`, context, region };
  const remove = () => api("cvm", "DeleteImages", { ImageIds: [id], DeleteBindedSnap: true }, options);
  try {
    await remove();
  } catch (error) {
    const code = vendorCodeOf(error);
    if (code === "InvalidImageId.NotFound" || code === "InvalidParameterValue.InvalidImageId") return;
    if (code !== "InvalidImageId.InShared" && code !== "InvalidParameterValue.InvalidImageIdIsShared") throw error;
    if (isUnused) fail("cloud/image-in-use", `cannot remove the image ${id}: it is shared (${code})`, { cause: error });
    const { SharePermissionSet = [] } = await api("cvm", "DescribeImageSharePermission", { ImageId: id }, options);
    const accounts = SharePermissionSet.map(({ AccountId }) => AccountId).filter((account) => account !== undefined);
    if (accounts.length === 0)
      fail("cloud/busy", `cannot remove the image ${id}: it is still shared`, { cause: error });
    const cancel = { ImageId: id, Permission: "CANCEL", AccountIds: accounts };
    await api("cvm", "ModifyImageSharePermission", cancel, options);
    await remove();
  }
}
