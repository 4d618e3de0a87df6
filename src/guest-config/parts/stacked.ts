export { activeMemberSteps, bondSteps } from "../network/bond-steps.ts";
export { bridgeSteps } from "../network/bridge-steps.ts";
export { vlanSteps } from "../network/vlan-steps.ts";
