import type { ByteSource } from "../core/byte-source.ts";
import type { Acceleration } from "./acceleration.ts";
import type { DiskImage } from "./disk-image.ts";
import type { BootFrom, DiskBus, ExtraDisk } from "./disks.ts";
import type { Qemu } from "./find-qemu.ts";
import type { FlashFirmware } from "./firmware.ts";
import type { SocketNic, UserNic } from "./nics.ts";
import type { PortWish } from "./ports.ts";
import type { Smbios } from "./smbios.ts";

/** What a machine is made of. */
export interface MachineRequest {
  /** Unique on this host; also its directory's name. */
  readonly id: string;
  /** What it is started from, for people. */
  readonly image: string;
  readonly qemu: Qemu;
  readonly acceleration: Acceleration;
  /** Undefined: the BIOS that QEMU brings along. */
  readonly firmware?: FlashFirmware | undefined;
  /** Default: `disk`. */
  readonly bootFrom?: BootFrom | undefined;
  /** Only read; what the machine writes goes to a file of its own. */
  readonly disk: DiskImage;
  /** Size of the disk that the guest sees. Default: the image's. */
  readonly diskSizeBytes?: number | undefined;
  /** A qcow2 file over the image that stays when the machine ends, for the next one; made if it is not there. Default: one that goes with the machine. */
  readonly diskFile?: string | undefined;
  /** Default: `virtio`. */
  readonly diskBus?: DiskBus | undefined;
  /** Any ISO 9660 (or FAT) bytes: a read-only CD-ROM. */
  readonly configDrive?: ByteSource | undefined;
  /** Files are used, and written, where they are; bytes go to a file that goes with the machine. */
  readonly extraDisks?:
    | readonly (ExtraDisk | (Omit<ExtraDisk, "path"> & { readonly source: ByteSource }))[]
    | undefined;
  /** What the firmware tells of the machine, for one that looks like a cloud's. */
  readonly smbios?: Smbios | undefined;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly nics: readonly NicRequest[];
  /** How many network cards `addNic` may add. Default: none. */
  readonly spareNicSlots?: number | undefined;
  /** It goes on when the guest reboots. Default: it ends then. */
  readonly mayReboot?: boolean | undefined;
  /** Loopback ports that lead to the network card `forwardMac`, by default to the first whose network QEMU plays. */
  readonly forwards: readonly ForwardRequest[];
  readonly forwardMac?: string | undefined;
  /** Loopback ports that lead into it by other means, as those of a virtual network; they are told along with the others. */
  readonly openPorts?: Readonly<Record<string, number>> | undefined;
  /** Wait for a debugger on this loopback port before the first instruction. */
  readonly debugPort?: number | undefined;
  /** Open a window, by QEMU's name of it. */
  readonly display?: string | undefined;
  readonly onConsole?: ((line: string) => void) | undefined;
  /** The console's bytes as they come, for a terminal. */
  readonly onConsoleBytes?: ((bytes: Uint8Array) => void) | undefined;
}

/** A network card: in a network of its own that QEMU plays, or on a virtual network's socket. */
export type NicRequest = Omit<UserNic, "forwards"> | SocketNic;

export interface ForwardRequest {
  /** What it leads to: `ssh`, `http`. */
  readonly name: string;
  readonly wish: PortWish;
  readonly guestAddress: string;
  readonly guestPort: number;
}

/** A machine that runs. It ends with us, unless it is kept. */
export interface Machine {
  readonly id: string;
  /** Loopback ports by the name of the forward. */
  readonly ports: Readonly<Record<string, number>>;
  readonly consoleLogPath: string;
  /** Resolves with why, when the machine ends without `stop` having been called; never rejects. All of its console has been told by then. */
  readonly died: Promise<string>;
  /** Types on the serial console. */
  type(bytes: Uint8Array): void;
  /** Errors: as `takeScreenshot`. */
  screenshot(path: string): Promise<void>;
  /**
   * Plugs in one more network card, into the next spare slot.
   *
   * Errors: `host/qemu-failed`, for instance if there is no spare slot left.
   */
  addNic(nic: SocketNic): Promise<void>;
  /** Ends it as when the power fails: what the guest has not flushed may be lost. Then as `stop`. */
  cutPower(): Promise<void>;
  /**
   * Presses the power button, waits at most `graceMs` (0: not at all), then ends it hard; all of its files are removed. Safe to call
   * twice and at any time.
   */
  stop(graceMs: number): Promise<void>;
  /** Lets it live when we end. It can then be found among the instances. */
  keep(): Promise<void>;
}
