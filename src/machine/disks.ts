/** The disk image is a disk, or a CD-ROM that is only read; or QEMU itself loads a kernel, for a disk that has no boot loader. */
export type BootFrom =
  | "disk"
  | "cdrom"
  | { readonly kernelPath: string; readonly initrdPath?: string | undefined; readonly cmdline: string };

/** How the boot disk is attached: `ide` is SATA, on an AHCI controller. The guest sees `vda`, `nvme0n1`, `sda`, `sda`. */
export type DiskBus = "virtio" | "nvme" | "scsi" | "ide";

/** A raw disk besides the boot disk, on virtio; or a CD-ROM, which is only read. */
export interface ExtraDisk {
  readonly path: string;
  readonly writable?: boolean | undefined;
  readonly cdrom?: boolean | undefined;
}

interface Disks {
  readonly bootFrom: BootFrom;
  readonly diskPath: string;
  readonly diskBus?: DiskBus | undefined;
  readonly configDrivePath?: string | undefined;
  readonly extraDisks?: readonly ExtraDisk[] | undefined;
}

/** QEMU's arguments for all disks of a machine, the one that it boots from first. */
export function diskDevices({
  bootFrom,
  diskPath,
  diskBus = "virtio",
  configDrivePath,
  extraDisks = [],
}: Disks): string[] {
  const words: string[] = [];
  const isCd = bootFrom === "cdrom";
  const hasCd = isCd || configDrivePath !== undefined || extraDisks.some(({ cdrom }) => cdrom === true);
  // CDs are on virtio-scsi: not every cloud kernel has a driver for an AHCI controller (Debian 12's has none), and the empty ports of one take time to
  // probe.
  if (hasCd || diskBus === "scsi") words.push("-device", "virtio-scsi-pci,id=scsi0");
  if (isCd) words.push(...bootCd(diskPath));
  // The place of the first is taken when a kernel is handed over.
  else words.push(...bootDisk(diskPath, diskBus, bootFrom === "disk" ? ",bootindex=0" : ""));
  if (configDrivePath !== undefined) words.push(...rawDisk("config", { path: configDrivePath, cdrom: true }));
  for (const [index, disk] of extraDisks.entries()) words.push(...rawDisk(`extra${index}`, disk));
  return words;
}

const controllers: Readonly<Record<DiskBus, readonly string[]>> = {
  virtio: [],
  nvme: [],
  scsi: [],
  ide: ["-device", "ich9-ahci,id=ahci0"],
};

const devices: Readonly<Record<DiskBus, string>> = {
  virtio: "virtio-blk-pci,drive=disk,id=disk0",
  nvme: "nvme,drive=disk,id=disk0,serial=disk0",
  scsi: "scsi-hd,drive=disk,id=disk0,bus=scsi0.0",
  ide: "ide-hd,drive=disk,id=disk0,bus=ahci0.0",
};

/** A machine's disk is thrown away in the end: nothing is gained by waiting until it is safe from a power failure of the host. */
function bootDisk(path: string, bus: DiskBus, index: string): string[] {
  const cache = { direct: false, "no-flush": true };
  const node = {
    driver: "qcow2",
    "node-name": "disk",
    discard: "unmap",
    cache,
    file: { driver: "file", filename: path, discard: "unmap", cache },
  };
  return [...controllers[bus], "-blockdev", JSON.stringify(node), "-device", `${devices[bus]}${index}`];
}

function bootCd(path: string): string[] {
  const file = { driver: "file", filename: path, "read-only": true };
  const node = { driver: "qcow2", "node-name": "disk", "read-only": true, file };
  return ["-blockdev", JSON.stringify(node), "-device", "scsi-cd,drive=disk,id=disk0,bootindex=0"];
}

function rawDisk(name: string, { path, writable = false, cdrom = false }: ExtraDisk): string[] {
  const readOnly = cdrom || !writable;
  const file = { driver: "file", filename: path, "read-only": readOnly };
  const node = { driver: "raw", "node-name": name, "read-only": readOnly, file };
  const device = cdrom ? `scsi-cd,drive=${name}` : `virtio-blk-pci,drive=${name}`;
  return ["-blockdev", JSON.stringify(node), "-device", device];
}
