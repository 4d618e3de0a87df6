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
  /** The processor that QEMU's own emulator plays, for its versions from the given ones on, newest first. */
  readonly emulated: readonly { readonly sinceVersion: number; readonly processor: string }[];
}

/** The processors that machines can be run for. */
const architectures: Readonly<Record<Arch, Architecture>> = {
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
    emulated: [
      { sinceVersion: 10, processor: "max" },
      // Linux 6.12 under the emulator of QEMU 7.2 was seen to panic in one boot of four, at a cmpxchg16b; under that of QEMU 10 it never did.
      { sinceVersion: 0, processor: "max,cx16=off" },
    ],
  },
  arm64: {
    emulator: "qemu-system-aarch64",
    packages: ["qemu-system-arm"],
    firmwareDirectories: ["usr/share/qemu"],
    hostArch: "arm64",
    machineType: "virt,gic-version=max",
    hasBios: false,
    qemuName: "aarch64",
    firmwareMachine: "virt",
    firmwarePackages: ["qemu-efi-aarch64"],
    displayDevice: "ramfb",
    // What clouds have. The greatest processor has pointer authentication, which costs an emulator much.
    emulated: [
      { sinceVersion: 7, processor: "neoverse-n1" },
      { sinceVersion: 0, processor: "cortex-a57" },
    ],
  },
  riscv64: {
    emulator: "qemu-system-riscv64",
    packages: ["qemu-system-riscv", "opensbi"],
    firmwareDirectories: ["usr/share/qemu"],
    hostArch: "riscv64",
    machineType: "virt",
    hasBios: false,
    qemuName: "riscv64",
    firmwareMachine: "virt",
    firmwarePackages: ["qemu-efi-riscv64"],
    displayDevice: "ramfb",
    emulated: [{ sinceVersion: 0, processor: "rv64" }],
  },
};

export function findArchitecture(arch: Arch): Architecture {
  return architectures[arch];
}
