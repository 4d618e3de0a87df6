import type { Profile } from "../profile/schema.ts";

export type Arch = Profile["image"]["arch"];

/** What differs between processors for whoever runs their machines. */
export interface Architecture {
  /** The QEMU that emulates it. */
  readonly emulator: string;
  /** Debian packages with that QEMU and the firmware it starts. */
  readonly packages: readonly string[];
  /** Directories of those packages where QEMU finds firmware. */
  readonly firmwareDirectories: readonly string[];
  /** `process.arch` of hosts that can run it without emulation. */
  readonly hostArch: string;
  readonly machineType: string;
  /** QEMU has a BIOS for it. */
  readonly hasBios: boolean;
  /** How descriptions of firmware name the processor, and how the versions of the machine type begin there. */
  readonly qemuName: string;
  readonly firmwareMachine: string;
  /** Debian packages with UEFI firmware for it. */
  readonly firmwarePackages: readonly string[];
  readonly displayDevice: string;
}

/** The processors that machines can be run for. */
const architectures: Partial<Record<Arch, Architecture>> = {
  amd64: {
    emulator: "qemu-system-x86_64",
    packages: ["qemu-system-x86", "seabios"],
    firmwareDirectories: ["usr/share/qemu", "usr/share/seabios"],
    hostArch: "x64",
    machineType: "q35,sata=off",
    hasBios: true,
    qemuName: "x86_64",
    firmwareMachine: "pc-q35-",
    firmwarePackages: ["ovmf"],
    displayDevice: "VGA",
  },
};

export function findArchitecture(arch: Arch): Architecture | undefined {
  return architectures[arch];
}
