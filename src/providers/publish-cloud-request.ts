import type { Context } from "../core/context.ts";
import type { SmokeResult } from "../smoke/result.ts";
import type { Cloud, ImportRequest, Offer, Resource } from "./cloud.ts";
import type { Connection } from "./connection.ts";
import type { WriteFile } from "./journal-store.ts";
import type { ObjectStore, StoredObject } from "./object-store.ts";
import type { Clock } from "./poll.ts";
import type { BuiltImage } from "./provider.ts";

export interface CloudPublishConfiguration
  extends Pick<ImportRequest, "architecture" | "firmware" | "hasNvme" | "description"> {
  readonly region: string;
  /** Anything that names the account, and is no secret. */
  readonly account: string;
  readonly bucket: string;
  /** Leaves the uploaded file in the bucket. */
  readonly keepObject: boolean;
  /** Leaves an image that did not pass its checks: the next publish checks it again. */
  readonly keepFailed: boolean;
  readonly copyTo: readonly string[];
  readonly machine: MachineWish;
  readonly shareWith: readonly string[];
  readonly family?: string | undefined;
  readonly deprecateOld: boolean;
  /** Keeps this many images of the profile, the new one included, and removes older ones. Undefined: keeps all. */
  readonly keepNewest?: number | undefined;
}

export interface MachineWish {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** At least; the image's own size if that is larger. */
  readonly diskSizeBytes: number;
  readonly openPorts: readonly number[];
  readonly isSpot: boolean;
  readonly instanceTypes?: readonly string[] | undefined;
  /** How long it may live at most: then the cloud itself ends it. */
  readonly lifetimeMs: number;
}

/** What an instance is told, and how one gets in. */
export interface Access {
  readonly publicKeyLine: string;
  readonly userData?: Uint8Array | undefined;
}

/** What an instance may be told besides. */
export interface AccessOffers {
  /** Where a guest of ours may send its boot log; undefined if the cloud itself shows the console. To call it is to want it. */
  readonly consoleUrl: () => Promise<string | undefined>;
}

/** An instance that runs. */
export interface SmokeSubject {
  readonly id: string;
  readonly address: string;
  /** Of the run: the key is kept there. */
  readonly directory: string;
  /** What the cloud shows of the console, or the guest has sent of it. */
  readonly console: () => Promise<string | undefined>;
}

/** What the smoke test saw; all of it passed. */
export interface SmokeVerdict {
  readonly results: readonly SmokeResult[];
  /** `SHA256:…` of the key that the ssh server showed. */
  readonly hostKeyFingerprint?: string | undefined;
}

export interface CloudPublishRequest extends Omit<ImagePublishRequest, "image"> {
  /** Asked for when the account is known to be in order: the image, in a format that the cloud imports. */
  readonly build: (context: Context) => Promise<BuiltImage>;
  /** Told the run's id as soon as there is one. */
  readonly onRun?: ((id: string) => void) | undefined;
}

/** What a run needs in any case, whichever part of a publish it does. */
export interface RunRequest {
  readonly cloud: Cloud;
  readonly store: ObjectStore;
  /** `resolve`: how the store is reached when a guest's boot log is read there. Default: by its public name. */
  readonly connection: Clock & Partial<Pick<Connection, "resolve">>;
  /** How the journal is written. Default: durably. */
  readonly write?: WriteFile | undefined;
}

/** The first part: an image of the cloud is made. */
export interface ImportRunRequest extends RunRequest {
  /** The profile's name. */
  readonly profile: string;
  /** Tells the account's id, for the journal. */
  readonly owner?: ((context: Context) => Promise<string | undefined>) | undefined;
  /** Default: the profile's name and a digest, so that another image has another name. */
  readonly imageName?: string | undefined;
  /** Where the image's file is in the store already: then nothing is uploaded, and nothing of the store is removed. */
  readonly object?: StoredObject | undefined;
  readonly image: BuiltImage;
  readonly configuration: Pick<
    CloudPublishConfiguration,
    "region" | "account" | "bucket" | "architecture" | "firmware" | "hasNvme" | "description"
  >;
}

/** The second part: an instance of it runs. */
export interface LaunchRunRequest extends RunRequest {
  /** Without a bucket, a guest is not asked to send its boot log. */
  readonly configuration: Pick<CloudPublishConfiguration, "region" | "architecture" | "firmware" | "machine"> & {
    readonly bucket?: string | undefined;
  };
  /** Asked before each launch, and after a crash again: for the same directory it must give the same. */
  readonly access: (directory: string, context: Context, offers: AccessOffers) => Promise<Access>;
}

/** The whole, when the image is there. */
export interface ImagePublishRequest extends ImportRunRequest, LaunchRunRequest {
  readonly configuration: CloudPublishConfiguration;
  /** The gate before anybody else gets the image: throws a `check/…` error if the instance does not do what it should. */
  readonly smoke: (subject: SmokeSubject, context: Context) => Promise<SmokeVerdict>;
  /** What the smoke test consists of: a result for the same stays good. JSON. */
  readonly smokeInputs: unknown;
}

export interface PublishedImage {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  /** It was there before this run. */
  readonly existed: boolean;
}

export interface TestedInstance extends SmokeVerdict {
  readonly id: string;
  readonly address: string;
  readonly offer?: Offer | undefined;
}

export interface CloudPublishReport {
  readonly run: string;
  /** The first is that of the cloud's own region. */
  readonly images: readonly [PublishedImage, ...PublishedImage[]];
  readonly instance: TestedInstance;
  /** Files of what was captured. */
  readonly evidence: Evidence;
  /** Images that gave way to the new one. */
  readonly retired: { readonly deprecated: readonly string[]; readonly removed: readonly string[] };
  /** What could not be removed: nothing, unless the cloud refused. `fault` says why. */
  readonly leftovers: readonly Leftover[];
  readonly steps: readonly { readonly name: string; readonly durationMs: number }[];
}

export interface Evidence {
  readonly console?: string | undefined;
  /** `guest`: the cloud shows none, and the guest has sent its boot log by itself. */
  readonly consoleFrom?: "cloud" | "guest" | undefined;
  readonly screenshot?: string | undefined;
}

export interface Leftover extends Omit<Resource, "id"> {
  /** Undefined: whether it is there is not known. */
  readonly id?: string | undefined;
  readonly fault?: string | undefined;
}
