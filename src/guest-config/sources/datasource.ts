import type { Host } from "../initializer/host.ts";
import type { JsonObject } from "../initializer/json-values.ts";
import type { NetworkState } from "../network-state.ts";
import type { MachineSigns } from "./signs.ts";

/** What a source tells an instance. Whatever it leaves out stays as the image has it. */
export interface Instructions {
  readonly instanceId?: string | undefined;
  readonly hostname?: string | undefined;
  /** Lines for authorized_keys that are given without a user: the default user gets them. */
  readonly publicKeys?: readonly string[] | undefined;
  readonly defaultUser?: string | undefined;
  /** Lines for authorized_keys of named users, by user. */
  readonly authorizedKeys: Readonly<Record<string, readonly string[]>>;
  readonly network?: NetworkState | undefined;
  /** Nobody is to touch the network. */
  readonly isNetworkDisabled?: boolean | undefined;
  /** Base64. */
  readonly randomSeed?: string | undefined;
  readonly userData?: Uint8Array | undefined;
  /** In the order in which they are read: later ones win. */
  readonly vendorData?: readonly Uint8Array[] | undefined;
  /** To be written once per instance. */
  readonly files?: readonly InjectedFile[] | undefined;
  /** Crypt hashes by user (os.conf), set at every boot; an empty one is not in here. */
  readonly passwordHashes?: Readonly<Record<string, string>> | undefined;
  readonly ntpServers?: readonly string[] | undefined;
  /** All of it as the source has it, for `cloudimg-init query`; without secrets. */
  readonly metadata?: JsonObject | undefined;
}

export interface InjectedFile {
  readonly path: string;
  readonly content: Uint8Array;
}

export interface Found extends Instructions {
  /** Where it was found, for people: a device, an address. */
  readonly place: string;
  /** What was wrong and has been left out. */
  readonly problems: readonly string[];
  /** Essential parts are missing or damaged: used only if no other source is there. */
  readonly isBroken?: boolean | undefined;
  /** Says only a part: further sources are asked too. What both say the other has its way in, but for the network. */
  readonly asksOn?: boolean | undefined;
  /** Called when the instance has been configured: for a source that is to be removed after use. */
  readonly finish?: ((host: Host) => void) | undefined;
}

/** A place that an instance is configured from. Adding one: a file of its own, a line in its list, a call of the contract suite. */
export interface Datasource {
  /** As the console and the status file name it: `config-drive`. */
  readonly name: string;
  /** cloud-init's name of it, which `/run/cloud-init` and `ds=` use: `ConfigDrive`. */
  readonly cloudInitName: string;
  /**
   * Looks for the source on this machine and reads it. Undefined: this machine has none. What is there but broken is found, with problems. It never throws and has its own time limit:
   * five seconds for what is on the machine; twenty for what is asked over the network, which is up by then.
   *
   * @param tell takes a line for the console, when whoever is asked lets one wait
   */
  find(host: Host, signs: MachineSigns, tell?: (text: string) => void): Found | undefined;
}
