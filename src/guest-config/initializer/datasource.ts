import type { NetworkState } from "../network-state.ts";
import type { Host } from "./host.ts";

/** What a source tells an instance. Whatever it leaves out stays as the image has it. */
interface Instructions {
  readonly instanceId?: string | undefined;
  readonly hostname?: string | undefined;
  /** Lines for authorized_keys, by user. */
  readonly authorizedKeys: Readonly<Record<string, readonly string[]>>;
  readonly network?: NetworkState | undefined;
  /** Base64. */
  readonly randomSeed?: string | undefined;
  readonly userData?: string | undefined;
}

export interface Found extends Instructions {
  /** Where it was found, for people: a device, an address. */
  readonly place: string;
  /** What was wrong and has been left out. */
  readonly problems: readonly string[];
}

/** A place that an instance is configured from. Adding one: a file of its own, a line in datasources.ts, a call of the contract suite. */
export interface Datasource {
  /** As the console and the status file name it. */
  readonly name: string;
  /**
   * Looks for the source on this machine and reads it. Undefined: this machine has none. What is there but broken is found, with problems. It never throws and has its own time limit, below ten seconds.
   */
  find(host: Host): Found | undefined;
}
