import type { JsonObject } from "./json-values.ts";

/** What is known of this instance once its source has been read and its network is up. */
export interface Instance {
  /** `none` if no source names it. */
  readonly instanceId: string;
  /** Not the instance that booted last. */
  readonly isNew: boolean;
  /** As `/run/cloud-init` has it: `ConfigDrive`, `NoCloud`, `AliYun`; `None`. */
  readonly source: string;
  readonly hostname?: string | undefined;
  /** Keys that the cloud gives without naming a user: they are the default user's. */
  readonly publicKeys: readonly string[];
  /** Keys of named users, by user. */
  readonly authorizedKeys: Readonly<Record<string, readonly string[]>>;
  /** Whom the source says the keys are for; otherwise the image's or root. */
  readonly defaultUser?: string | undefined;
  readonly userData?: Uint8Array | undefined;
  /** In the order in which they are read: later ones win. */
  readonly vendorData: readonly Uint8Array[];
  /** What the source said, for `query`; without secrets. */
  readonly metadata: JsonObject;
}

/** Where an instance's files are, as cloud-init has them: other programs look there. */
export function instanceDirectory(instanceId: string): string {
  // Neither a path, nor the directory above.
  return `/var/lib/cloud/instances/${instanceId.replace(/[^\w.-]|^\.+$/g, "_")}`;
}
