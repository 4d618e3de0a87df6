import { ftruncateSync } from "node:fs";
import { fail } from "../../core/errors.ts";
import { writeAt, writeSparse } from "../../core/output.ts";
import type { DiskFormat } from "./disk-format.ts";
import { writeDescriptor } from "./vmdk-descriptor.ts";
import { sectorBytes } from "./vmdk-format.ts";
import { StreamSink } from "./vmdk-stream.ts";

/** ESXi's limit, 62 TiB. */
const largestBytes = 62 * 1024 ** 4;

/** VMware's format for transfer, the one inside OVA files: compressed, written in one go. Tables and their directory follow the data. */
export const vmdk: DiskFormat = {
  name: "vmdk",
  extension: ".vmdk",
  open(request) {
    checkSize(request.diskSizeBytes);
    return new StreamSink(request);
  },
};

/** The disk as it is, and a second file that describes it: what ESXi uses as it stands. The one with the description has the image's name. */
export const vmdkFlat: DiskFormat = {
  name: "vmdk-flat",
  extension: ".vmdk",
  companionSuffix: "-flat.vmdk",
  open({ fd, diskSizeBytes, companion }) {
    checkSize(diskSizeBytes);
    if (companion === undefined) throw new TypeError("vmdk-flat needs a second file");
    if (/["\r\n]/.test(companion.name))
      fail("image/unsupported", `cannot name ${JSON.stringify(companion.name)} in a VMDK descriptor`, {
        hint: "choose a file name without quotes and line ends",
      });
    return {
      windowBytes: 4096,
      write: (bytes, offsetBytes) => writeSparse(companion.fd, bytes, offsetBytes),
      finish(identity) {
        ftruncateSync(companion.fd, diskSizeBytes);
        const extent = `FLAT "${companion.name}" 0`;
        const descriptor = writeDescriptor({ createType: "monolithicFlat", diskSizeBytes, identity, extent });
        writeAt(fd, Buffer.from(descriptor), 0);
      },
      close() {},
    };
  },
};

function checkSize(diskSizeBytes: number): void {
  const problem = `cannot write a disk of ${diskSizeBytes} bytes as VMDK`;
  if (diskSizeBytes > largestBytes)
    fail("image/unsupported", `${problem}: it holds 62 TiB at most`, { hint: "use qcow2 or raw" });
  if (diskSizeBytes === 0 || diskSizeBytes % sectorBytes !== 0)
    fail("image/unsupported", `${problem}: it has to be whole sectors of ${sectorBytes} bytes`, {
      hint: `make the disk ${Math.max(1, Math.ceil(diskSizeBytes / 1024 ** 2))}MiB large`,
    });
}
