import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import type { ImportHandle, ImportRequest } from "../cloud.ts";
import type { HuaweiClient } from "./client.ts";
import { findImages } from "./image-list.ts";
import { makeOnce } from "./make-once.ts";
import { wireTags } from "./tags.ts";
import { HuaweiError } from "./vendor-error.ts";

const GiB = 1024 ** 3;
/** The API references disagree on the least: 1, 10 or 40 (`IMG.0055` says that it was not enough). */
const leastDisks = [10, 40];

const architectures: Readonly<Record<ImportRequest["architecture"], string | undefined>> = {
  amd64: "x86",
  arm64: "arm",
  riscv64: undefined,
};

/**
 * IMS API v2, `POST /v2/cloudimages/action`. It takes no token: the image's name and the token among its tags tell whether it was asked for before.
 *
 * Errors: `cloud/name-taken`, `cloud/import-failed`, `HuaweiError`
 */
export async function importImage(
  client: HuaweiClient,
  request: ImportRequest,
  context: Context,
): Promise<ImportHandle> {
  const { name } = request;
  const what = `import the image ${name}`;
  const architecture = architectures[request.architecture];
  if (architecture === undefined)
    fail("cloud/refused", `cannot ${what}: Huawei Cloud has no machines for ${request.architecture}`);
  if (architecture === "arm" && request.firmware !== "uefi")
    fail("cloud/refused", `cannot ${what}: Huawei Cloud's machines for arm64 boot by UEFI only`);
  const tags = { ...request.tags, "cloudimg:token": request.token };
  const body = {
    name,
    description: plainText(request.description),
    image_url: `${request.object.bucket}:${request.object.key}`,
    os_version: await chooseOsVersion(client, request, context),
    // The image has its drivers, and finds its disk: nothing in it is to be edited.
    is_config: false,
    hw_firmware_type: request.firmware,
    architecture,
    type: "ECS",
    image_tags: wireTags(tags),
  };
  const handle = { name, region: client.region };
  const look = async () => {
    const found = await findImages(client, { name }, context);
    const ours = found.find((image) => image.tags["cloudimg:token"] === tagOf(request.token));
    if (ours?.state === "failed") {
      // What is left of an earlier try has the name still.
      await client.call(
        "ims.GlanceDeleteImage",
        { what: `remove the image ${ours.id}`, path: { image_id: ours.id } },
        context,
      );
      return undefined;
    }
    if (ours !== undefined) return { ...handle, imageId: ours.id };
    if (found.length > 0)
      fail("cloud/name-taken", `cannot ${what}: the image ${found[0]?.id} has that name`, {
        hint: "choose another name, or remove that image",
      });
    return undefined;
  };
  const make = async () => {
    for (const least of leastDisks) {
      const min_disk = Math.max(least, Math.ceil(request.diskSizeBytes / GiB));
      try {
        const call = { what, body: { ...body, min_disk } };
        const { job_id } = await client.call<{ job_id: string }>("ims.CreateImage", call, context);
        return { ...handle, taskId: job_id };
      } catch (error) {
        const isTooSmall = error instanceof HuaweiError && error.vendorCode === "IMG.0055";
        if (!isTooSmall || least === leastDisks.at(-1) || min_disk > least) throw error;
      }
    }
    throw new TypeError("unreachable");
  };
  return await makeOnce<ImportHandle>(client, { look, make }, context);
}

/** Of a description: one line, and neither of the brackets (IMS API reference, `description`). */
function plainText(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[<>]/g, "").trim();
}

function tagOf(token: string): string {
  return wireTags({ token })[0]?.value ?? "";
}

interface OsVersions {
  readonly platform: string;
  readonly version_list: readonly {
    readonly platform: string;
    readonly os_version: string;
    readonly os_bit: number;
    readonly os_type: string;
  }[];
}

/** It must be one of their list; a distribution that is not on it is "Other", else the newest Debian, which our packages are of. Undefined: let the service say. */
async function chooseOsVersion(
  client: HuaweiClient,
  { architecture }: ImportRequest,
  context: Context,
): Promise<string | undefined> {
  const call = { what: "list the systems that can be imported" };
  const platforms = await client.call<OsVersions[]>("ims.ListOsVersions", call, context);
  const versions = platforms
    .flatMap(({ version_list }) => version_list)
    .filter(
      ({ os_bit, os_type, os_version }) =>
        os_bit === 64 && os_type === "Linux" && / arm/i.test(os_version) === (architecture === "arm64"),
    );
  const of = (platform: string) =>
    versions
      .filter((version) => version.platform === platform)
      .map(({ os_version }) => os_version)
      .sort((one, other) => other.localeCompare(one, "en", { numeric: true }))[0];
  return of("Other") ?? of("Debian");
}
