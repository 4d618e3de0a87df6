export { findAliyunImage } from "../sources/aliyun-os-conf.ts";
export { networkSources } from "../sources/network-sources.ts";
export { findNocloud } from "../sources/nocloud.ts";
