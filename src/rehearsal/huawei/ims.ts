import { type Call, deny, fieldsOf, listOf, nothing, type Operation, ok, page, textOf } from "./call.ts";
import { osVersions } from "./catalogue.ts";
import { imageInfo } from "./image-answers.ts";
import { addImage, checkedName, checkedTag, finish, importImage, jobOf } from "./import-image.ts";
import { showJob, startJob } from "./jobs.ts";
import type { ImageRecord } from "./records.ts";
import { inRegion } from "./world.ts";

/** Image Management Service. */
export const imsOperations = {
  "ims.CreateImage": importImage,
  "ims.ShowJob": showJob("ims"),
  "ims.ListImages": ({ world, region, query }) => {
    const [id, name, tag] = [query.get("id"), query.get("name"), query.get("tag")];
    const images = inRegion(world.images.values(), region).filter(
      (image) =>
        world.clock.now() >= image.createdMs + world.delays.unseenMs &&
        (id === null || image.id === id) &&
        (name === null || image.name === name) &&
        (tag === null || [...image.tags].some(([key, value]) => tag === `${key}=${value}` || tag === key)),
    );
    return ok({ images: page(images, query, (image) => image.id, 1000).map((image) => imageInfo(world, image)) });
  },
  "ims.GlanceDeleteImage": (call) => {
    const image = imageOf(call);
    const isUsed = [...call.world.servers.values()].some(
      ({ imageId, status }) => imageId === image.id && status === "BUILD",
    );
    if (isUsed) deny("IMG.0028", "The image is being used.", 409);
    call.world.images.delete(image.id);
    return nothing;
  },
  // A list, not an object.
  "ims.ListOsVersions": () => {
    const platforms = [...new Set(osVersions.map(({ platform }) => platform))];
    const versions = (platform: string) =>
      osVersions
        .filter((version) => version.platform === platform)
        .map(({ osVersion, osType }) => ({
          platform,
          os_version_key: osVersion,
          os_version: osVersion,
          os_bit: 64,
          os_type: osType,
        }));
    return ok(platforms.map((platform) => ({ platform, version_list: versions(platform) })));
  },
  "ims.ShowImageQuota": ({ world, region }) => {
    const used = inRegion(world.images.values(), region).length;
    const quota = world.quotas.images;
    return ok({ quotas: { resources: [{ type: "image", used, quota, min: 0, max: quota }] } });
  },
  "ims.CopyImageInRegion": (call) => copy(call, call.region, "imsCopyImageInRegionJob"),
  "ims.CopyImageCrossRegion": (call) => {
    const { world, body } = call;
    const target = textOf(body["region"]) ?? "";
    if (!world.regions.includes(target) || target === call.region || body["project_name"] !== target)
      deny("IMG.0001", "The target region is not valid.");
    if (world.agencies !== "any" && !world.agencies.includes(String(body["agency_name"])))
      deny("IMG.0026", "The agency does not exist or lacks a permission.", 403);
    return copy(call, target, "imsCopyImageCrossRegionJob");
  },
  "ims.GlanceListImageMembers": (call) => {
    const { id, sharedWith, createdMs } = imageOf(call);
    const at = new Date(createdMs).toISOString();
    const members = sharedWith.map((member_id) => ({
      ...{ status: "accepted", created_at: at, updated_at: at, image_id: id, member_id, schema: "/v2/schemas/member" },
    }));
    return ok({ members, schema: "/v2/schemas/members" });
  },
  "ims.BatchAddMembers": ({ world, region, body }) => {
    const images = listOf(body["images"]).map((id) => world.images.get(String(id)));
    const projects = listOf(body["projects"]).map(String);
    if (images.length === 0 || projects.length === 0) deny("IMG.0001", "images and projects are required.");
    for (const image of images) {
      if (image === undefined || image.region !== region) deny("IMG.0027", "The image does not exist.", 404);
      if (image.status !== "active") deny("IMG.0022", "The image is not active.");
    }
    const job = startJob(world, { service: "ims", region, type: "imsAddImageMembersJob", takesMs: 3_000 }, () => {
      for (const image of images)
        image?.sharedWith.push(...projects.filter((project) => !image.sharedWith.includes(project)));
      return undefined;
    });
    return ok({ job_id: job.id });
  },
  "ims.BatchAddOrDeleteTags": (call) => {
    const image = imageOf(call);
    const tags = listOf(call.body["tags"]).map((entry) => checkedTag(fieldsOf(entry)));
    const { action } = call.body;
    if ((action !== "create" && action !== "delete") || tags.length === 0)
      deny("IMG.0001", "The request is not valid.");
    for (const [key, value] of tags) {
      if (action === "create") image.tags.set(key, value);
      else image.tags.delete(key);
    }
    return nothing;
  },
} as const satisfies Record<string, Operation>;

function imageOf({ world, region, path }: Call): ImageRecord {
  const image = world.images.get(path["image_id"] ?? "");
  if (image === undefined || image.region !== region) deny("IMG.0027", "The image does not exist.", 404);
  return image;
}

function copy(call: Call, target: string, type: string) {
  const { world, region, body } = call;
  const source = imageOf(call);
  if (source.status !== "active") deny("IMG.0022", "The image is not active.");
  const name = checkedName(world, target, body["name"]);
  // Tags stay behind.
  const image = addImage(world, {
    ...source,
    region: target,
    name,
    description: textOf(body["description"]) ?? "",
    tags: new Map(),
  });
  const job = startJob(world, { ...jobOf(image), region, type, takesMs: world.delays.copyMs }, () =>
    finish(world, image, undefined),
  );
  return ok({ job_id: job.id });
}
