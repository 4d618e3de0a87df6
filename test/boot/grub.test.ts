import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { grubBios } from "../../src/build/boot/grub-bios.ts";
import { ext4 } from "../../src/build/filesystems/ext4.ts";
import { fat } from "../../src/build/filesystems/fat.ts";
import { bootEntry, bootRequest } from "../build/boot/bootloader-contract.ts";
import { grubPackage } from "../build/boot/grub-package.ts";
import { testQemu } from "../machine/support.ts";
import { runOracle } from "../oracles/run.ts";
import { bareDisk, gap, handMadeDisk } from "./hand-made-disk.ts";
import { tinyKernel } from "./tiny-kernel.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-grub-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A disk of our own making with GRUB and these files on it. */
async function makeDisk(name: string, files: Record<string, Uint8Array>, cmdline: string): Promise<string> {
  const { files: grubFiles } = await grubPackage();
  const entry = { ...bootEntry, cmdline };
  const boot = await grubBios.plan({ ...bootRequest, files: grubFiles, area: gap, entry });
  return await handMadeDisk(directory, name, { ...bootRequest, boots: [boot], files });
}

/** Boots a disk until the machine powers itself off; gives what was on the serial port. */
async function bootToEnd(
  name: string,
  disk: string,
  { machine = "q35", serial = true, limitMs = 60_000 } = {},
): Promise<string> {
  const [program, ...first] = (await testQemu()).command;
  const log = join(directory, `${name}.log`);
  const child = spawn(
    program as string,
    [
      ...[...first, "-machine", `${machine},accel=tcg`, "-m", "64", "-nodefaults", "-display", "none", "-no-reboot"],
      ...["-vga", "std", "-serial", serial ? `file:${log}` : "none"],
      ...["-drive", `file=${disk},format=raw,if=virtio,snapshot=on`],
    ],
    { stdio: ["ignore", "ignore", "inherit"], timeout: limitMs, killSignal: "SIGKILL" },
  );
  const ending = await new Promise((resolve) => child.on("close", (code, killedBy) => resolve(killedBy ?? code)));
  const said = serial ? readFileSync(log, "latin1") : "";
  expect({ ending, said }).toEqual({ ending: 0, said });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own
  return said.replace(/\x1b\[[0-9;]*[A-Za-z]|\r/g, "");
}

describe("GRUB on a disk of our own making", { timeout: 120_000 }, () => {
  const kernel = { "/boot/vmlinuz-6.12": tinyKernel() };
  // Of several blocks, so that GRUB follows extents; its end is what is looked for.
  const initrd = { "/boot/initrd.img-6.12": Buffer.from(`${"initrd ".repeat(3000)}ends here`) };

  test.for(["q35", "pc"])(
    "finds the root by its UUID, and passes the command line and the initrd on (%s)",
    async (machine) => {
      const cmdline = 'console=ttyS0 a=$x;b "c d=e f" {#} dyndbg="file x +p"';
      const said = await bootToEnd(machine, await makeDisk(machine, { ...kernel, ...initrd }, cmdline), { machine });
      expect(said).toContain(
        `BOOT_IMAGE=/boot/vmlinuz-6.12 root=UUID=${bootRequest.rootUuid} console=ttyS0 a=$x;b "c d=e f" {#} "dyndbg=file x +p"\n`,
      );
      expect(said).toMatch(/ends here$/);
    },
  );

  test("boots without a serial port", async () => {
    await bootToEnd("mute", await makeDisk("mute", { ...kernel, ...initrd }, "quiet"), { serial: false });
  });

  test("asks nothing of /boot/grub but grub.cfg", async () => {
    const config = Buffer.from("echo prefix=$prefix; ls /boot/grub/; cat /hello; halt\n");
    const files = { "/boot/grub/grub.cfg": config, "/hello": Buffer.from("hello from ext4\n") };
    expect(await bootToEnd("bare", await makeDisk("bare", files, ""))).toBe(
      "prefix=(hd0,msdos1)/boot/grub\ngrub.cfg \nhello from ext4\n\n",
    );
  });

  test.for([
    ["ext2", ext4, bootRequest.rootUuid],
    // Its UUID is its serial number, which the writer takes from the UUID's beginning.
    ["fat", fat, "0A1B-2C3D"],
  ] as const)("starts from a disk without a partition table (%s)", async ([module, writer, rootUuid]) => {
    const { files: grubFiles } = await grubPackage();
    const entry = { ...bootEntry, cmdline: "bare" };
    const request = { ...bootRequest, files: grubFiles, area: undefined, fileSystemModules: [module], rootUuid, entry };
    const boots = [await grubBios.plan(request)];
    const disk = await bareDisk(directory, module, writer, { ...bootRequest, boots, files: { ...kernel, ...initrd } });
    const said = await bootToEnd(module, disk);
    expect(said).toContain(`root=UUID=${bootRequest.rootUuid} bare\n`);
    expect(said).toMatch(/ends here$/);
    const [tool, ...words] = module === "fat" ? ["fsck.fat", "-n", "-v"] : ["e2fsck", "-f", "-n"];
    expect(await runOracle(tool as string, [...words, disk])).toMatchObject({ status: 0 });
  });

  test("says what it misses, and powers off", async () => {
    const said = await bootToEnd("missing", await makeDisk("missing", kernel, ""));
    expect(said).toContain("file `/boot/initrd.img-6.12' not found.");
    expect(said).toContain("cloudimg: cannot start /boot/vmlinuz-6.12.");
  });
});
