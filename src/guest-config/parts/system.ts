export { final } from "../initializer/final.ts";
export { finishBoot } from "../initializer/finish-boot.ts";
export { startHostKeys } from "../initializer/host-keys.ts";
