import type { Context } from "../../core/context.ts";
import type { ImageState, ImportHandle } from "../cloud.ts";
import type { Answer, EcsApi } from "./api.ts";
import { fromTags, toTags } from "./values.ts";
import { isGone } from "./vendor-error.ts";

type Images = NonNullable<NonNullable<Answer<"DescribeImages">["images"]>["image"]>;
type Image = Images[number];

/** Without it only `Available` images are told of, and an import would never be seen. */
const allStates = "Creating,Waiting,Available,UnAvailable,CreateFailed,Deprecated";
const pageSize = 100;

export interface WantedImages {
  readonly region?: string;
  readonly handle?: ImportHandle;
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

export async function findImages(api: EcsApi, wanted: WantedImages, context: Context): Promise<ImageState[]> {
  const { handle, name, tags } = wanted;
  const region = wanted.region ?? handle?.region ?? api.region;
  const what = `look for images in ${region}`;
  const images: Image[] = [];
  for (let pageNumber = 1; ; pageNumber++) {
    const fields = {
      regionId: region,
      imageOwnerAlias: "self",
      status: allStates,
      imageId: handle?.imageId,
      imageName: name ?? (handle !== undefined && handle.imageId === undefined ? handle.name : undefined),
      tag: tags && toTags(tags),
      pageNumber,
      pageSize,
    };
    const answer = await api.call("DescribeImages", fields, what, context);
    const page = answer.images?.image ?? [];
    images.push(...page);
    if (page.length < pageSize || images.length >= (answer.totalCount ?? 0)) break;
  }
  return await Promise.all(images.map((image) => withReason(api, imageState(image, region), handle, context)));
}

const architectures: Readonly<Record<string, ImageState["architecture"]>> = { x86_64: "amd64", arm64: "arm64" };

function imageState(image: Image, region: string): ImageState {
  const { imageId = "", imageName = "", status = "", progress, creationTime, imageFamily } = image;
  const disks = image.diskDeviceMappings?.diskDeviceMapping ?? [];
  const percent = Number.parseFloat(progress ?? "");
  return {
    id: imageId,
    region,
    name: imageName,
    state: /^(Creating|Waiting)$/.test(status)
      ? "pending"
      : /^(Available|Deprecated)$/.test(status)
        ? "available"
        : "failed",
    percent: Number.isNaN(percent) ? undefined : percent,
    tags: fromTags(image.tags),
    createdAt: creationTime,
    family: imageFamily || undefined,
    isDeprecated: status === "Deprecated",
    diskSizeBytes: image.size ? image.size * 1024 ** 3 : undefined,
    architecture: architectures[image.architecture ?? ""],
    firmware: image.bootMode?.startsWith("UEFI") ? "uefi" : image.bootMode ? "bios" : undefined,
    parts: disks.flatMap(({ snapshotId }) => (snapshotId ? [{ kind: "snapshot", id: snapshotId }] : [])),
  };
}

/** A task may have failed while its image still says that it is being created; only the task knows why. */
async function withReason(
  api: EcsApi,
  image: ImageState,
  handle: ImportHandle | undefined,
  context: Context,
): Promise<ImageState> {
  if (image.state === "available" || (image.state === "pending" && handle?.taskId === undefined)) return image;
  const task = await importTask(api, image, handle?.taskId, context);
  if (task === undefined || (image.state === "pending" && task.status !== "Failed")) return image;
  return { ...image, state: "failed", reason: await taskReason(api, image.region, task.id, context) };
}

/** The task that imports, or has imported, an image; undefined for copies, which have none. */
export async function importTask(
  api: EcsApi,
  image: Pick<ImageState, "id" | "region">,
  taskId: string | undefined,
  context: Context,
): Promise<{ readonly id: string; readonly status: string } | undefined> {
  const which = taskId === undefined ? { resourceIds: [image.id], taskAction: "ImportImage" } : { taskIds: taskId };
  const fields = { regionId: image.region, ...which };
  const answer = await api.call("DescribeTasks", fields, `look for the import of ${image.id}`, context);
  const [task] = answer.taskSet?.task ?? [];
  return task?.taskId === undefined ? undefined : { id: task.taskId, status: task.taskStatus ?? "" };
}

async function taskReason(api: EcsApi, region: string, taskId: string, context: Context): Promise<string | undefined> {
  try {
    const fields = { regionId: region, taskId };
    const answer = await api.call("DescribeTaskAttribute", fields, `look why import ${taskId} failed`, context);
    const reasons = (answer.operationProgressSet?.operationProgress ?? [])
      .filter(({ errorCode, errorMsg }) => errorCode || errorMsg)
      .map(({ errorCode = "", errorMsg = "" }) =>
        errorMsg ? `${errorMsg.replace(/\.$/, "")} (${errorCode})` : errorCode,
      );
    return reasons.length === 0 ? undefined : [...new Set(reasons)].join("; ");
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
