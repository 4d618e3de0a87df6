import type { Acceleration } from "./acceleration.ts";
import type { Architecture } from "./architectures.ts";

/** The disk image is a disk, or a CD-ROM that is only read; or QEMU itself loads a kernel, for a disk that has no boot loader. */
export type BootFrom =
  | "disk"
  | "cdrom"
  | { readonly kernelPath: string; readonly initrdPath?: string | undefined; readonly cmdline: string };

/** A network card and the private network behind it, which QEMU itself plays. */
export interface NicSpec {
  /** Lower case, with colons. */
  readonly mac: string;
  /** IPv4 network with prefix length: `10.0.2.0/24`. */
  readonly network: string;
  /** Addresses in that network: of the router, of the DNS server, and the first that DHCP gives. */
  readonly router: string;
  readonly dns: string;
  readonly dhcpStart: string;
  readonly forwards: readonly ForwardSpec[];
}

/** Connections to a loopback port of the host go to the guest. */
interface ForwardSpec {
  readonly hostPort: number;
  readonly guestAddress: string;
  readonly guestPort: number;
}

interface FlashSpec {
  readonly codePath: string;
  readonly variablesPath: string;
  readonly needsManagementMode: boolean;
}

/** Everything that QEMU is told about a machine. */
export interface MachineArguments {
  readonly name: string;
  readonly architecture: Pick<Architecture, "machineType" | "displayDevice" | "emulated">;
  readonly acceleration: Acceleration;
  /** QEMU's own: `10.0.3`. */
  readonly emulatorVersion: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** The flash memory of a UEFI; undefined for a BIOS. The variables are written by the machine. */
  readonly flash?: FlashSpec | undefined;
  readonly bootFrom: BootFrom;
  /** A qcow2 file that the machine writes, unless it boots from it as a CD-ROM. */
  readonly diskPath: string;
  /** An ISO 9660 file, shown as a read-only CD-ROM. */
  readonly configDrivePath?: string | undefined;
  readonly nics: readonly NicSpec[];
  /** For us, and for other processes: one client at a time on each. */
  readonly controlSocketPath: string;
  readonly visitorSocketPath: string;
  readonly consoleSocketPath: string;
  readonly consoleLogPath: string;
  /** Which window to open, by QEMU's name of it. */
  readonly display?: string | undefined;
  /** Loopback port for a debugger. */
  readonly debugPort?: number | undefined;
}

/** QEMU's arguments for a machine that waits, paused, for `cont` on its control socket. Pure. */
export function qemuArguments(machine: MachineArguments): string[] {
  const { nics, configDrivePath, debugPort, flash, bootFrom } = machine;
  const words = ["-name", `${keyval(machine.name)},process=cloudimg-machine`, "-nodefaults", "-no-user-config", "-S"];
  words.push("-machine", machineWords(machine), "-accel", accelerator(machine), "-cpu", processor(machine));
  words.push("-smp", String(machine.cpus), "-m", `size=${Math.floor(machine.memoryBytes / 1024)}k`);
  words.push("-no-reboot", "-display", machine.display ?? "none", "-device", machine.architecture.displayDevice);
  if (flash !== undefined) words.push(...flashMemory(flash));
  if (typeof bootFrom === "object") words.push(...directBoot(bootFrom));
  words.push(...socket("control", machine.controlSocketPath), "-mon", "chardev=control,mode=control");
  words.push(...socket("visitor", machine.visitorSocketPath), "-mon", "chardev=visitor,mode=control");
  words.push(...socket("console", machine.consoleSocketPath, `,logfile=${keyval(machine.consoleLogPath)}`));
  words.push("-serial", "chardev:console");
  words.push("-object", "rng-builtin,id=random", "-device", "virtio-rng-pci,rng=random");
  const isCd = bootFrom === "cdrom";
  if (isCd || configDrivePath !== undefined) words.push("-device", "virtio-scsi-pci,id=scsi0");
  words.push(...(isCd ? cdrom(machine.diskPath) : disk(machine.diskPath, bootFrom === "disk")));
  if (configDrivePath !== undefined) words.push(...configDrive(configDrivePath));
  for (const [index, nic] of nics.entries()) words.push(...networkCard(nic, index));
  if (debugPort !== undefined) words.push("-gdb", `tcp:127.0.0.1:${debugPort}`);
  return words;
}

function machineWords({ architecture: { machineType }, flash }: MachineArguments): string {
  if (flash === undefined) return machineType;
  return [machineType, ...(flash.needsManagementMode ? ["smm=on"] : []), "pflash0=code", "pflash1=variables"].join(",");
}

function flashMemory({ codePath, variablesPath, needsManagementMode }: FlashSpec): string[] {
  const node = (name: string, filename: string, readOnly: boolean) =>
    JSON.stringify({
      driver: "raw",
      "node-name": name,
      "read-only": readOnly,
      file: { driver: "file", filename, "read-only": readOnly },
    });
  const words = ["-blockdev", node("code", codePath, true), "-blockdev", node("variables", variablesPath, false)];
  if (needsManagementMode) words.push("-global", "driver=cfi.pflash01,property=secure,value=on");
  return words;
}

function directBoot({ kernelPath, initrdPath, cmdline }: Exclude<BootFrom, string>): string[] {
  const initrd = initrdPath === undefined ? [] : ["-initrd", initrdPath];
  return ["-kernel", kernelPath, ...initrd, "-append", cmdline];
}

function processor({ acceleration, emulatorVersion, architecture: { emulated } }: MachineArguments): string {
  if (acceleration !== "tcg") return "host";
  const version = Number.parseInt(emulatorVersion, 10);
  return emulated.find(({ sinceVersion }) => version >= sinceVersion)?.processor ?? "max";
}

/** With several threads, the emulator was seen to hang in one boot of five. */
function accelerator({ acceleration }: MachineArguments): string {
  return acceleration === "tcg" ? "tcg,thread=single" : acceleration;
}

function socket(id: string, path: string, more = ""): string[] {
  return ["-chardev", `socket,id=${id},path=${keyval(path)},server=on,wait=off${more}`];
}

/** A machine's disk is thrown away in the end: nothing is gained by waiting until it is safe from a power failure. */
function disk(path: string, isBootDisk: boolean): string[] {
  const cache = { direct: false, "no-flush": true };
  const node = {
    driver: "qcow2",
    "node-name": "disk",
    discard: "unmap",
    cache,
    file: { driver: "file", filename: path, discard: "unmap", cache },
  };
  // The place of the first is taken when a kernel is handed over.
  const index = isBootDisk ? ",bootindex=0" : "";
  return ["-blockdev", JSON.stringify(node), "-device", `virtio-blk-pci,drive=disk,id=disk0${index}`];
}

function cdrom(path: string): string[] {
  const file = { driver: "file", filename: path, "read-only": true };
  const node = { driver: "qcow2", "node-name": "disk", "read-only": true, file };
  return ["-blockdev", JSON.stringify(node), "-device", "scsi-cd,drive=disk,id=disk0,bootindex=0"];
}

/** On virtio-scsi: not every cloud kernel has a driver for the AHCI controller of q35 (Debian 12's has none), and its empty ports take time to probe. */
function configDrive(path: string): string[] {
  const node = {
    driver: "raw",
    "node-name": "config",
    "read-only": true,
    file: { driver: "file", filename: path, "read-only": true },
  };
  return ["-blockdev", JSON.stringify(node), "-device", "scsi-cd,drive=config"];
}

function networkCard(nic: NicSpec, index: number): string[] {
  const words = ["user", `id=net${index}`, `net=${nic.network}`, `host=${nic.router}`, `dns=${nic.dns}`];
  words.push(`dhcpstart=${nic.dhcpStart}`);
  for (const { hostPort, guestAddress, guestPort } of nic.forwards)
    words.push(`hostfwd=tcp:127.0.0.1:${hostPort}-${guestAddress}:${guestPort}`);
  // No boot ROM: the machine never boots from the network, and the ROM may not be there.
  return ["-netdev", words.join(","), "-device", `virtio-net-pci,netdev=net${index},mac=${nic.mac},romfile=`];
}

/** In QEMU's `key=value,…` a comma in a value is doubled. */
function keyval(value: string): string {
  return value.replaceAll(",", ",,");
}
