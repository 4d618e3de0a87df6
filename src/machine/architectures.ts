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
}

/** The processors that machines can be run for. */
const architectures: Partial<Record<Arch, Architecture>> = {
  amd64: {
    emulator: "qemu-system-x86_64",
    packages: ["qemu-system-x86", "seabios"],
    firmwareDirectories: ["usr/share/qemu", "usr/share/seabios"],
    hostArch: "x64",
    machineType: "q35,sata=off",
  },
};

export function findArchitecture(arch: Arch): Architecture | undefined {
  return architectures[arch];
}
