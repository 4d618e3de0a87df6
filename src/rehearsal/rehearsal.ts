import type { CloudName, Resource } from "../providers/cloud.ts";
import type { Connection } from "../providers/connection.ts";
import type { Credentials } from "../providers/credentials.ts";
import type { Account } from "./accounts.ts";
import type { MovableClock } from "./clock.ts";
import type { FaultPlan } from "./faults.ts";
import type { WireAnswer, WireRequest } from "./http-server.ts";
import type { ImportInspector } from "./import-facts.ts";
import type { MachineMaker } from "./machine-maker.ts";
import type { Trouble } from "./troubles.ts";

export interface RehearsalOptions {
  readonly cloud: CloudName;
  /** Where objects are kept; made if it is not there, and left. */
  readonly directory: string;
  /** Where the bucket is. */
  readonly region: string;
  /** Default: one whose name suits the account. */
  readonly bucket?: string | undefined;
  readonly inspect: ImportInspector;
  /** Default: instances are records that nobody can reach. */
  readonly machines?: MachineMaker | undefined;
  /** Default: one that leaps over sleeps, so that nothing but a boot takes time. */
  readonly clock?: MovableClock | undefined;
  /** Shortens what the cloud takes for things, by this factor. Default: 1. */
  readonly pace?: number | undefined;
  /** The same seed makes the same account and keys. */
  readonly seed?: string | undefined;
  /** Calls that fail, of all services, the object store's too (`s3.PutObject`). */
  readonly faults?: FaultPlan | undefined;
  /** How its world is out of joint. */
  readonly troubles?: readonly Trouble[] | undefined;
  /** Loopback ports; 0 or absent: the system chooses. */
  readonly ports?: Partial<RehearsalPorts> | undefined;
  /** Told of each exchange with an API; the answer is undefined if the connection was cut. */
  readonly onServed?: ((request: WireRequest, answer: WireAnswer | undefined) => void) | undefined;
}

export interface RehearsalPorts {
  readonly api: number;
  readonly store: number;
  /** An HTTP proxy (CONNECT) into the emulated internet. */
  readonly proxy: number;
}

/** A cloud that is played on loopback: its object store, its APIs, its instances, its internet. */
export interface Rehearsal {
  readonly cloud: CloudName;
  readonly account: Account;
  readonly clock: MovableClock;
  readonly region: string;
  /** All that it has. */
  readonly regions: readonly string[];
  readonly bucket: string;
  readonly ports: RehearsalPorts;
  /** For providers in this process. */
  readonly connection: Connection;
  readonly credentials: Credentials;
  /** Which hosts are led to the emulators, for another process: `*.tencentcloudapi.com=http://127.0.0.1:8100`. */
  readonly resolve: readonly string[];
  /** What somebody has made and is there now, from the cloud's side. */
  left(): readonly Resource[];
  /** All that ever was made. */
  made(): readonly Resource[];
  readonly faults: FaultPlan;
  /** Takes a spot instance back. */
  reclaim(instanceId: string): void;
  /** What the emulators themselves did wrong. */
  defects(): readonly unknown[];
  /** Ends machines, servers and the clock. Safe to call twice. */
  close(): Promise<void>;
}
