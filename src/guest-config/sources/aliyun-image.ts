import { loadPart } from "../initializer/parts.ts";
import type { Datasource } from "./datasource.ts";
import { aliyunSign } from "./detect.ts";

/**
 * Alibaba's file for images that say they are "Customized Linux": `aliyun_custom_image/os.conf` in the first partition. Where it is looked for is in a part that only that cloud
 * needs.
 */
export const aliyunImage: Datasource = {
  name: "aliyun-image",
  cloudInitName: "AliYun",
  find: (host, signs) =>
    aliyunSign(signs) === undefined ? undefined : loadPart(host, "sources").findAliyunImage(host, signs),
};
