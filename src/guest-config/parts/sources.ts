export { findAliyunImage } from "../sources/aliyun-os-conf.ts";
