import type { Context } from "../core/context.ts";
import type { StoredObject } from "./object-store.ts";

/** Everything that we make in a cloud carries these tags: by them it is found again when our own records are lost. */
export interface Tags {
  readonly "cloudimg:run": string;
  readonly "cloudimg:image": string;
  readonly [key: string]: string;
}

/** A problem that `check` found before anything was built, and what to do about it, step by step. */
export interface CheckProblem {
  readonly severity: "error" | "warning";
  readonly what: string;
  readonly steps: readonly string[];
}

export interface ImageState {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  readonly state: "pending" | "available" | "failed";
  /** 0 to 100, where the cloud tells. */
  readonly percent?: number | undefined;
  /** Why it failed, in the vendor's words and code, where the cloud tells. */
  readonly reason?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly createdAt?: string | undefined;
  readonly family?: string | undefined;
  readonly isDeprecated?: boolean | undefined;
  /** Of the disk that an instance needs at least, where the cloud tells. */
  readonly diskSizeBytes?: number | undefined;
  readonly architecture?: ImportRequest["architecture"] | undefined;
  readonly firmware?: ImportRequest["firmware"] | undefined;
  /** Snapshots and the like that are billed on their own. */
  readonly parts: readonly { readonly kind: string; readonly id: string }[];
}

export interface ImportRequest {
  readonly name: string;
  readonly description: string;
  readonly object: StoredObject;
  /** A link to the object. A function makes another one for each try: one that was followed may not work again. */
  readonly url?: string | (() => Promise<string>) | undefined;
  readonly format: string;
  readonly diskSizeBytes: number;
  readonly architecture: "amd64" | "arm64" | "riscv64";
  readonly firmware: "bios" | "uefi";
  readonly hasNvme: boolean;
  readonly tags: Tags;
  /** The same for each try of the same import. */
  readonly token: string;
}

/** A job or an image whose state can be asked for. Plain data: it is kept in the journal. */
export interface ImportHandle {
  readonly imageId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly name: string;
  readonly region: string;
}

export interface ImageService {
  import(request: ImportRequest, context: Context): Promise<ImportHandle>;
  copy(
    image: ImageState,
    region: string,
    request: { readonly name: string; readonly tags: Tags; readonly token: string },
    context: Context,
  ): Promise<ImportHandle>;
  /** By handle, by name or by tags; all that are there, whatever their state. Where several are given, all must fit. */
  find(
    wanted: {
      /** Default: the handle's, else the cloud's own. */
      readonly region?: string;
      readonly handle?: ImportHandle;
      readonly name?: string;
      readonly tags?: Readonly<Record<string, string>>;
    },
    context: Context,
  ): Promise<ImageState[]>;
  change(image: ImageState, change: ImageChange, context: Context): Promise<void>;
  /**
   * With its snapshots. What is gone already is no error.
   *
   * @param how `isUnused`: only if nobody else has it, and no instance runs from it, where the cloud knows. Errors: else `cloud/image-in-use`.
   */
  remove(image: ImageState, context: Context, how?: { readonly isUnused: boolean }): Promise<void>;
}

export interface ImageChange {
  readonly shareWith?: readonly string[] | undefined;
  readonly family?: string | undefined;
  readonly isDeprecated?: boolean | undefined;
}

/** A kind of machine that can be had now. */
export interface Offer {
  readonly instanceType: string;
  readonly zone: string;
  readonly isSpot: boolean;
  /** All included, as the vendor quotes it. */
  readonly price?: { readonly perHour: number; readonly currency: string } | undefined;
}

export interface InstanceRequest {
  readonly imageId: string;
  readonly name: string;
  readonly architecture: "amd64" | "arm64" | "riscv64";
  readonly firmware: "bios" | "uefi";
  readonly diskSizeBytes: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly userData?: Uint8Array | undefined;
  readonly publicKeyLine: string;
  readonly openPorts: readonly number[];
  readonly isSpot: boolean;
  /** Only these, the best first. Empty or absent: whatever suits, the cheapest first. */
  readonly instanceTypes?: readonly string[] | undefined;
  /** The cloud itself ends the instance then, whatever becomes of us. Milliseconds since 1970. */
  readonly endsAtMs: number;
  readonly tags: Tags;
  readonly token: string;
}

export interface InstanceState {
  readonly id: string;
  readonly state: "pending" | "running" | "stopped" | "failed" | "gone";
  readonly reason?: string | undefined;
  readonly publicAddresses: readonly string[];
  readonly privateAddresses: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly name?: string | undefined;
  /** ISO 8601. */
  readonly createdAt?: string | undefined;
}

/** Anything that costs money or counts against a quota, as the ledger names it. */
export interface Resource {
  readonly kind:
    | "object"
    | "upload"
    | "image"
    | "snapshot"
    | "instance"
    | "security-group"
    | "key-pair"
    | "address"
    | "volume"
    | "subnet"
    | "network";
  readonly id: string;
  readonly region: string;
  readonly name?: string | undefined;
  /** Its tag `cloudimg:run`, where the cloud was asked for it. */
  readonly run?: string | undefined;
  /** ISO 8601. */
  readonly createdAt?: string | undefined;
}

export interface EvidenceWish {
  /** It is ended afterwards in any case: it may be stopped, where only that brings the last of the console to light. */
  readonly isLast?: boolean | undefined;
  /** Default: true. Some clouds take few pictures. */
  readonly hasScreenshot?: boolean | undefined;
}

export interface InstanceService {
  /** Cheapest first; those that are sold out are left out. */
  offers(request: InstanceRequest, context: Context): Promise<Offer[]>;
  /**
   * With all that it needs; `made` is told of each thing as soon as it is there. All of it has the request's name and tags, and what an earlier try of the same
   * name has made (security group, key pair) is used again. Errors: `cloud/sold-out` lets the caller try the next offer.
   */
  launch(
    request: InstanceRequest,
    offer: Offer,
    made: (resource: Resource) => Promise<void>,
    context: Context,
  ): Promise<InstanceState>;
  find(
    wanted: { readonly id?: string; readonly tags?: Readonly<Record<string, string>> },
    context: Context,
  ): Promise<InstanceState[]>;
  evidence(
    id: string,
    context: Context,
    wish?: EvidenceWish,
  ): Promise<{
    readonly console?: string | undefined;
    /** When the cloud took it, where it tells: what it keeps may be old. */
    readonly consoleAtMs?: number | undefined;
    readonly screenshot?: { readonly format: "jpg" | "png"; readonly bytes: Uint8Array } | undefined;
  }>;
  /**
   * What `launch` has made for a run and is still there, of every kind (instances too), found by tags, or by name where a kind has no tags: what a killed
   * process has left. Without a run: of all runs.
   */
  resources(wanted: { readonly run?: string }, context: Context): Promise<Resource[]>;
  /** Ends or removes one thing; what is gone already is no error. Errors: `cloud/busy` lets the caller try again later. */
  remove(resource: Resource, context: Context): Promise<void>;
}

/** What differs between clouds, as data: validation, help and docs read it too. */
export interface CloudCapabilities {
  /** What its import reads, the best to upload first. */
  readonly formats: readonly string[];
  /** `uncertain`: by an API that not every region offers, so the guest is asked to send its boot log too. */
  readonly console: "text" | "uncertain" | "none";
  readonly screenshot: boolean;
  readonly importReasons: boolean;
  readonly families: boolean;
  readonly unsignedPayload: boolean;
  readonly userDataBytes: number;
  readonly leastEndMs: number;
}

export type CloudName = "tencent" | "alibaba" | "huawei";

/** Seam: one cloud. A record of functions around the vendor's SDK, which is loaded when one of them is called. */
export interface Cloud {
  readonly name: CloudName;
  readonly capabilities: CloudCapabilities;
  /** Credentials, region, bucket, role, quota, name: everything that would fail later. */
  check(context: Context): Promise<CheckProblem[]>;
  readonly images: ImageService;
  readonly instances: InstanceService;
}
