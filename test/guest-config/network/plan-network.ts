import * as whole from "../../../src/guest-config/network/network-plan.ts";
import type { Nic } from "../../../src/guest-config/network/nics.ts";
import type { NetworkState } from "../../../src/guest-config/network-state.ts";
import * as stacked from "../../../src/guest-config/parts/stacked.ts";

/** As the guest plans, which reads the code of bonds, bridges and VLANs only where it needs it. */
export function planNetwork(network: NetworkState, nics: readonly Nic[], loopbackIsUp: boolean): whole.NetworkPlan {
  return whole.planNetwork(network, nics, loopbackIsUp, whole.isStacked(network) ? stacked : undefined);
}
