import type { Acceleration } from "./acceleration.ts";
import type { Architecture } from "./architectures.ts";
import { type BootFrom, type DiskBus, diskDevices, type ExtraDisk } from "./disks.ts";
import { type NicSpec, networkCard, spareSlots } from "./nics.ts";
import { keyval } from "./option-words.ts";
import { type Smbios, smbiosWords } from "./smbios.ts";

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
  /** Default: `virtio`. */
  readonly diskBus?: DiskBus | undefined;
  /** An ISO 9660 file, shown as a read-only CD-ROM. */
  readonly configDrivePath?: string | undefined;
  readonly extraDisks?: readonly ExtraDisk[] | undefined;
  /** What the firmware tells of the machine. */
  readonly smbios?: Smbios | undefined;
  readonly nics: readonly NicSpec[];
  /** How many network cards can be added while it runs. Default: none. */
  readonly spareNicSlots?: number | undefined;
  /** It goes on when the guest reboots. Default: it ends, which tells a crash from a boot that takes long. */
  readonly mayReboot?: boolean | undefined;
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
  const { nics, debugPort, flash, bootFrom } = machine;
  const words = ["-name", `${keyval(machine.name)},process=cloudimg-machine`, "-nodefaults", "-no-user-config", "-S"];
  words.push("-machine", machineWords(machine), "-accel", accelerator(machine), "-cpu", processor(machine));
  words.push("-smp", String(machine.cpus), "-m", `size=${Math.floor(machine.memoryBytes / 1024)}k`);
  if (machine.mayReboot !== true) words.push("-no-reboot");
  words.push("-display", machine.display ?? "none", "-device", machine.architecture.displayDevice);
  if (flash !== undefined) words.push(...flashMemory(flash));
  if (typeof bootFrom === "object") words.push(...directBoot(bootFrom));
  words.push(...socket("control", machine.controlSocketPath), "-mon", "chardev=control,mode=control");
  words.push(...socket("visitor", machine.visitorSocketPath), "-mon", "chardev=visitor,mode=control");
  words.push(...socket("console", machine.consoleSocketPath, `,logfile=${keyval(machine.consoleLogPath)}`));
  words.push("-serial", "chardev:console");
  words.push("-object", "rng-builtin,id=random", "-device", "virtio-rng-pci,rng=random");
  words.push(...smbiosWords(machine.smbios), ...diskDevices(machine));
  for (const [index, nic] of nics.entries()) words.push(...networkCard(nic, index));
  words.push(...spareSlots(machine.spareNicSlots ?? 0));
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
