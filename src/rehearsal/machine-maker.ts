import type { CloudName } from "../providers/cloud.ts";

/** What an emulated cloud asks for when it starts an instance. */
export interface MachineOrder {
  readonly cloud: CloudName;
  /** As the cloud names it. */
  readonly instanceId: string;
  readonly hostname: string;
  /** What its metadata says. Default: an example of the cloud's. */
  readonly region?: string | undefined;
  readonly zone?: string | undefined;
  /** The file that was imported, in any format; only read. */
  readonly imagePath: string;
  /** Default: amd64. */
  readonly architecture?: "amd64" | "arm64" | undefined;
  readonly firmware: "bios" | "uefi";
  readonly diskBus: "virtio" | "nvme";
  readonly cpus: number;
  readonly memoryBytes: number;
  /** At least the image's own size. */
  readonly diskSizeBytes: number;
  readonly publicAddress: string | undefined;
  readonly privateAddress: string;
  /** TCP ports that its security groups let in. */
  readonly openPorts: readonly number[];
  /** Of its key pair, if it has one: a line for authorized_keys. */
  readonly publicKeyLine: string | undefined;
  readonly userData: Uint8Array | undefined;
  /**
   * Hosts of the internet that the machine reaches by plain HTTP (port 80), and where on this host they really are: `{"b-1.cos.ap-guangzhou.myqcloud.com": {host: "127.0.0.1", port: 40001}}`.
   * Whoever starts the rehearsal adds it to each order: its object store is there, for what a guest sends home.
   */
  readonly outside?: Readonly<Record<string, { readonly host: string; readonly port: number }>> | undefined;
}

/** What really runs behind an instance of an emulated cloud. */
export interface EmulatedMachine {
  /** All of its serial console so far. */
  console(): Promise<string>;
  /** PNG. Absent: it has no screen. */
  screenshot?(): Promise<Uint8Array>;
  /** Resolves with why, when it ends by itself; never rejects. */
  readonly died: Promise<string>;
  /** Ends it and everything around it. Safe to call twice. */
  end(): Promise<void>;
}

/**
 * Starts machines; what is reachable of them is told to the network. The order's signal is aborted when the rehearsal ends: then no machine is left.
 */
export type MachineMaker = (
  order: MachineOrder,
  network: PublicNetwork,
  signal: AbortSignal,
) => Promise<EmulatedMachine>;

/** The internet of a rehearsal: which machine has which public address, and how it is reached. */
export interface PublicNetwork {
  /**
   * Leads connections to an address into a machine; those to ports that are not open get no answer.
   *
   * @param connect opens a TCP connection to that port of the machine
   * @returns takes the address back
   */
  attach(
    address: string,
    openPorts: readonly number[],
    connect: (port: number, signal: AbortSignal) => Promise<import("node:net").Socket>,
  ): () => void;
}
