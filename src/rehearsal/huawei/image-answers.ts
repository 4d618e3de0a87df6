import { isoSeconds } from "../clock.ts";
import type { ImageRecord } from "./records.ts";
import type { HuaweiWorld } from "./world.ts";

/** `ImageInfo` */
export function imageInfo(world: HuaweiWorld, image: ImageRecord): object {
  const { id, name, status } = image;
  return {
    id,
    name,
    status,
    __description: image.description,
    __image_size: String(image.sizeBytes),
    __image_source_type: "uds",
    __imagetype: "private",
    __isregistered: "true",
    __os_bit: "64",
    __os_type: "Linux",
    __os_version: image.osVersion,
    __support_kvm: "true",
    ...(image.architecture === "arm" && { __support_arm: "true" }),
    checksum: "d41d8cd98f00b204e9800998ecf8427e",
    container_format: "bare",
    disk_format: "zvhd2",
    file: `/v2/images/${id}/file`,
    hw_firmware_type: image.firmware,
    min_disk: image.minDiskGib,
    min_ram: 0,
    owner: world.account.projectIn(image.region),
    protected: false,
    schema: "/v2/schemas/image",
    self: `/v2/images/${id}`,
    tags: [...image.tags].map(([key, value]) => `${key}=${value}`),
    created_at: isoSeconds(image.createdMs),
    updated_at: isoSeconds(image.activeMs ?? image.createdMs),
    active_at: image.activeMs === undefined ? "" : isoSeconds(image.activeMs),
    virtual_env_type: "FusionCompute",
    visibility: "private",
  };
}
