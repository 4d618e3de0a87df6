export { askSources } from "../initializer/ask-sources.ts";
export { findAliyunImage } from "../sources/aliyun-os-conf.ts";
export { findNocloud } from "../sources/nocloud.ts";
