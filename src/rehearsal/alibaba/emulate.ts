import type { Emulate } from "../emulated-cloud.ts";
export const emulateAlibaba: Emulate = () => {
  throw new Error("not yet");
};
