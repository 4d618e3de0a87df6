import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { BootEntry, Bootloader, BootRequest } from "../../../src/build/boot/bootloader.ts";
import { type ByteSource, bytesSource, readAll } from "../../../src/core/byte-source.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
import { Tree } from "../../../src/core/tree.ts";
import { efiProgram } from "./efi-program.ts";

const MiB = 1024 ** 2;

const rootUuid = "0a1b2c3d-1111-8222-8333-444455556666";

export const bootEntry: BootEntry = {
  protocol: "linux",
  kernelPath: "/boot/vmlinuz-6.12",
  initrdPath: "/boot/initrd.img-6.12",
  modules: [],
  cmdline: "console=tty0 console=ttyS0,115200n8",
  root: `UUID=${rootUuid}`,
};

export const bootRequest: Omit<BootRequest, "files"> = {
  arch: "amd64",
  rootUuid,
  fileSystemModules: ["ext2"],
  area: { startBytes: 512, endBytes: MiB },
  entry: bootEntry,
  kernel: bytesSource(efiProgram()),
  initrd: bytesSource(new Uint8Array(3000).fill(9)),
  osRelease: 'ID=probe\nPRETTY_NAME="Probe 1"\n',
  epochSeconds: 1_700_000_000,
};

/** What every boot loader owes the disk and the root file system. */
export function bootloaderContract(bootloader: Bootloader, filesOf: () => Promise<Tree>): void {
  const plan = async (changes: Partial<BootRequest> = {}) =>
    bootloader.plan({ ...bootRequest, files: await filesOf(), ...changes });

  test("boot code leaves the partition table alone", async () => {
    const { bootCode } = await plan();
    expect(bootCode?.length ?? 0).toBeLessThanOrEqual(440);
  });

  test("its pieces lie in the gap, wherever that starts, one behind the other", async () => {
    for (const startBytes of [512, 34 * 512]) {
      const { pieces } = await plan({ area: { startBytes, endBytes: MiB } });
      let endBytes = startBytes;
      for (const { offsetBytes, source } of pieces.toSorted((a, b) => a.offsetBytes - b.offsetBytes)) {
        expect(offsetBytes).toBeGreaterThanOrEqual(endBytes);
        endBytes = offsetBytes + source.sizeBytes;
      }
      expect(endBytes).toBeLessThanOrEqual(MiB);
    }
  });

  test("its files are root's, readable, and as old as the build", async () => {
    const { rootFiles, espFiles } = await plan();
    for (const [path, { type, uid, gid, mode, mtime }] of [...rootFiles.entries(), ...espFiles.entries()].filter(
      // What a boot loader does without is an empty tree.
      ([path, ,]) => path !== "/",
    ))
      expect({ path, uid, gid, mode, mtime }).toEqual({
        path,
        ...{ uid: 0, gid: 0, mode: type === "directory" ? 0o755 : 0o644, mtime: bootRequest.epochSeconds },
      });
  });

  test("something leads to it: boot code, a CD's boot image, or a file at the path for removable media, with names that FAT can hold", async () => {
    const { bootCode, espFiles, rootFiles } = await plan();
    const removable = espFiles.list("/EFI/BOOT").filter((name) => name.startsWith("BOOT"));
    if (rootFiles.has("/boot/grub/eltorito.img")) return;
    if (bootCode === undefined) expect(removable).toEqual(["BOOTX64.EFI"]);
    else expect([...espFiles.entries()]).toHaveLength(1);
    for (const [path] of espFiles.entries()) expect(path).toMatch(/^[A-Za-z0-9_./-]+$/);
  });

  test("the same request gives the same bytes", async () => {
    const bytesOf = async () => {
      const { bootCode, pieces, rootFiles, espFiles, notes } = await plan();
      const contents = [...rootFiles.entries(), ...espFiles.entries()].map(([path, node]) =>
        node.type === "file" ? [path, digestOf(node.content)] : [path],
      );
      return { bootCode, pieces: pieces.map(({ source }) => digestOf(source)), contents, notes };
    };
    expect(await bytesOf()).toEqual(await bytesOf());
  });

  test("an area that is too small is an error that says how much is needed", async () => {
    const { pieces } = await plan();
    const neededBytes = pieces.reduce((sum, { source }) => sum + source.sizeBytes, 0);
    if (neededBytes > 0) {
      const error = await plan({ area: { startBytes: 512, endBytes: 512 + neededBytes - 1 } }).catch(
        (thrown) => thrown,
      );
      expect(error).toBeInstanceOf(CloudimgError);
      expect(error.code).toBe("image/unsupported");
      expect(error.message).toContain(String(neededBytes));
    }
    await expect(plan({ area: { startBytes: 512, endBytes: 512 + neededBytes } })).resolves.toBeDefined();
  });

  test("a package without its files is an error that names the package and the file", async () => {
    const error = await plan({ files: new Tree() }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(CloudimgError);
    expect(error.code).toBe("image/unsupported");
    expect(error.message).toMatch(new RegExp(`${bootloader.packages("amd64")[0]} has no /`));
  });
}

function digestOf(source: ByteSource): string {
  return createHash("sha256").update(readAll(source)).digest("hex");
}
