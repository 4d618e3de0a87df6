import type { NetworkState } from "../network-state.ts";

/** What somebody wants the network to be. Without either the machine chooses by itself. */
export interface NetworkWish {
  readonly network?: NetworkState | undefined;
  readonly isNetworkDisabled?: boolean | undefined;
}
