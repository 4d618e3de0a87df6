import type { MachineSigns } from "../sources/signs.ts";
import type { NetworkWish } from "./network-wish.ts";
import type { SourceResult } from "./source-result.ts";

/** What was found on the machine itself. */
export interface Look {
  readonly signs: MachineSigns;
  /** Nobody wants this machine to be configured, and why. */
  readonly disabledBecause?: string | undefined;
  readonly source?: SourceResult | undefined;
  /** Sources to be asked over the network, by cloud-init's names. */
  readonly names: readonly string[];
  /** The network that the command line, the initrd or the image itself wants: it goes before any source's. */
  readonly ownNetwork?: NetworkWish | undefined;
  /** For the console. */
  readonly said: string;
}

export interface AskRequest {
  readonly signs: MachineSigns;
  /** Whom to ask, by cloud-init's names. */
  readonly names: readonly string[];
  /** What has been found before, and is not enough. */
  readonly before: SourceResult | undefined;
  readonly tell: (text: string) => void;
}
