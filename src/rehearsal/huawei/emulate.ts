import type { Emulate } from "../emulated-cloud.ts";
export const emulateHuawei: Emulate = () => {
  throw new Error("not yet");
};
