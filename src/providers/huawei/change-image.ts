import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import type { ImageChange, ImageState, ImportHandle, Tags } from "../cloud.ts";
import type { HuaweiClient } from "./client.ts";
import { carryTags, findImages } from "./image-list.ts";
import { changeTags } from "./image-tags.ts";
import { waitForJob } from "./jobs.ts";
import { ignoreMissing, makeOnce } from "./make-once.ts";
import { wireKey, wireTags } from "./tags.ts";

const mostShareMs = 10 * 60_000;

/** There are no families and no deprecation: tags stand for both. An account that is shared with must accept the image. */
export async function changeImage(
  client: HuaweiClient,
  image: Pick<ImageState, "id">,
  { shareWith = [], family, isDeprecated }: ImageChange,
  context: Context,
): Promise<void> {
  if (shareWith.length > 0) {
    const what = `share the image ${image.id}`;
    const body = { images: [image.id], projects: shareWith };
    // Whom it is shared with already is told so, and no harm is done.
    const call = { what, body, isRepeatable: true };
    const { job_id } = await client.call<{ job_id: string }>("ims.BatchAddMembers", call, context);
    await waitForJob(client, { service: "ims", id: job_id, what, mostMs: mostShareMs }, context);
  }
  const added = {
    ...(family !== undefined && { "cloudimg:family": family }),
    ...(isDeprecated === true && { "cloudimg:deprecated": "yes" }),
  };
  await changeTags(client, image.id, "create", wireTags(added), context);
  if (isDeprecated === false)
    await changeTags(client, image.id, "delete", [{ key: wireKey("cloudimg:deprecated"), value: "yes" }], context);
}

/** Deleting does not ask who else has an image. Errors: `cloud/image-in-use` if somebody has. */
export async function checkUnshared(client: HuaweiClient, id: string, context: Context): Promise<void> {
  const call = { what: `look with whom the image ${id} is shared`, path: { image_id: id } };
  const members: unknown[] = [];
  await ignoreMissing(async () => {
    const answer = await client.call<{ members?: unknown[] }>("ims.GlanceListImageMembers", call, context);
    members.push(...(answer.members ?? []));
  });
  if (members.length === 0) return;
  const others = members.length === 1 ? "another project" : `${members.length} other projects`;
  fail("cloud/image-in-use", `cannot remove the image ${id}: it is shared with ${others}`);
}

export interface CopyRequest {
  readonly name: string;
  readonly tags: Tags;
  readonly token: string;
}

/**
 * Within the region, or to another: then an IAM agency must let IMS act for the account there. Either way the copy has its tags in its
 * description until it is found.
 *
 * Errors: `cloud/denied` without an agency, `cloud/name-taken`, `HuaweiError`
 */
export async function copyImage(
  { source, target, agency }: { source: HuaweiClient; target: HuaweiClient; agency: string | undefined },
  image: Pick<ImageState, "id">,
  request: CopyRequest,
  context: Context,
): Promise<ImportHandle> {
  const { name, token } = request;
  const what = `copy the image ${image.id} to ${target.region}`;
  const tags = wireTags({ ...request.tags, "cloudimg:token": token });
  const handle = { name, region: target.region };
  const look = async () => {
    const found = await findImages(target, { name }, context);
    const ours = found.find(
      (there) => there.tags["cloudimg:token"] === wireTags({ token })[0]?.value && there.state !== "failed",
    );
    if (ours !== undefined) return { ...handle, imageId: ours.id };
    if (found.length > 0)
      fail("cloud/name-taken", `cannot ${what}: the image ${found[0]?.id} there has the name ${name}`, {
        hint: "choose another name, or remove that image",
      });
    return undefined;
  };
  const make = async () => {
    const body = { name, description: carryTags(`Copy of ${image.id}`, tags) };
    const path = { image_id: image.id };
    if (source.region === target.region) {
      const { job_id } = await source.call<{ job_id: string }>("ims.CopyImageInRegion", { what, path, body }, context);
      return { ...handle, taskId: job_id };
    }
    if (agency === undefined)
      fail("cloud/denied", `cannot ${what}: no agency is named`, {
        hint: "make an agency in IAM for the cloud service IMS, with the policy IMS Administrator, and name it: provider.huawei.agency",
      });
    const there = { region: target.region, project_name: target.region, agency_name: agency };
    const call = { what, path, body: { ...body, ...there } };
    const { job_id } = await source.call<{ job_id: string }>("ims.CopyImageCrossRegion", call, context);
    return { ...handle, taskId: `${source.region}/${job_id}` };
  };
  return await makeOnce<ImportHandle>(target, { look, make }, context);
}
