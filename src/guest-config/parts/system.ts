export { endDisabled } from "../initializer/end-boot.ts";
export { final } from "../initializer/final.ts";
export { finishBoot } from "../initializer/finish-boot.ts";
export { startHostKeys } from "../initializer/host-keys.ts";
export { writeFailure } from "../initializer/write-status.ts";
