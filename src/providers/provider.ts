import type { ByteSource } from "../core/byte-source.ts";
import type { Context } from "../core/context.ts";
import type { InstanceConfig } from "../guest-config/model.ts";
import type { Profile } from "../profile/schema.ts";

export interface BuiltImage {
  readonly name: string;
  readonly path: string;
  readonly format: string;
  /** SHA-256 of the raw disk: the image's identity. */
  readonly identity: string;
  readonly sizeBytes: number;
}

export interface CloudImage {
  readonly id: string;
  readonly name: string;
  readonly identity: string;
  readonly sizeBytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface LaunchRequest {
  readonly image: CloudImage;
  readonly profile: Profile;
  /** What the instance is told. `config.network.interfaces[i].mac` is the MAC of its i-th NIC. */
  readonly config: InstanceConfig;
  /** The same as a config drive to attach, for providers that take one. */
  readonly configDrive: ByteSource;
  readonly onConsole: (line: string) => void;
  /** Told when all is prepared and the machine gets its power: what a boot takes counts from here. */
  readonly onPowerOn?: () => void;
}

/**
 * When a boot got how far, in milliseconds since power-on by our own clock, as its console lines arrived. What did not happen, or was not
 * printed, is absent.
 */
export interface BootTimeline {
  readonly firstOutputMs?: number | undefined;
  readonly kernelMs?: number | undefined;
  /** The initrd has found the root file system. */
  readonly rootMs?: number | undefined;
  /** The initializer is done. */
  readonly readyMs?: number | undefined;
  /** What the initializer says of itself. */
  readonly initializer?: InitializerTimes | undefined;
}

export interface InitializerTimes {
  readonly source: string;
  /** Wall-clock time and processor time of its own work. */
  readonly totalMs?: number | undefined;
  readonly cpuMs?: number | undefined;
  /** The guest's uptime when it was done. */
  readonly uptimeMs?: number | undefined;
}

export interface RunningInstance {
  readonly id: string;
  readonly ssh: Endpoint;
  readonly http: Endpoint;
  /** Resolves with a message when the machine dies by itself; never rejects. */
  readonly died: Promise<string>;
  /** All the console so far. */
  console(): Promise<string>;
  /** Lets it outlive this process. Until then it ends with it. */
  keep(): Promise<void>;
  /** Shuts down cleanly within a bound, else hard; releases everything. Safe to call twice. */
  terminate(): Promise<void>;
}

/** Seam: an image file becomes a cloud image and an instance. */
export interface Provider {
  readonly name: string;
  /** Same identity → same image: importing twice is a no-op. */
  importImage(image: BuiltImage, context: Context): Promise<CloudImage & { readonly existed: boolean }>;
  listImages(context: Context): Promise<CloudImage[]>;
  removeImage(id: string, context: Context): Promise<void>;
  launch(request: LaunchRequest, context: Context): Promise<RunningInstance>;
}
