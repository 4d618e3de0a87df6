import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Arch, BootRequest } from "../../../src/build/boot/bootloader.ts";
import { machines, nxCompatible } from "../../../src/build/boot/pe-format.ts";
import { readPe, readSection } from "../../../src/build/boot/pe-reader.ts";
import { addSections } from "../../../src/build/boot/pe-sections.ts";
import { uki } from "../../../src/build/boot/uki.ts";
import { type ByteSource, bytesSource, readAll, sliceSource, textSource } from "../../../src/core/byte-source.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
import { cloudKernel } from "../../boot/cloud-kernel.ts";
import { bootRequest } from "./bootloader-contract.ts";
import { efiProgram } from "./efi-program.ts";
import { loaderPackages } from "./loader-packages.ts";
import { runUkify } from "./ukify.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-uki-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const stubOf = { amd64: "linuxx64", arm64: "linuxaa64", riscv64: "linuxriscv64" } as const;

async function imageOf(arch: Arch, changes: Partial<BootRequest> = {}): Promise<ByteSource> {
  const kernel = bytesSource(efiProgram({ machine: machines[arch] }));
  const files = await loaderPackages(arch, uki.packages(arch));
  const { espFiles } = await uki.plan({ ...bootRequest, kernel, arch, files, ...changes });
  const [name = ""] = espFiles.list("/EFI/BOOT");
  const node = espFiles.get(`/EFI/BOOT/${name}`);
  if (node?.type !== "file") throw new Error("no image");
  return node.content;
}

describe("a unified kernel image", () => {
  test.for<Arch>(["amd64", "arm64", "riscv64"])("is what ukify makes, byte for byte (%s)", async (arch) => {
    const kernel = arch === "amd64" ? await cloudKernel() : bytesSource(efiProgram({ machine: machines[arch] }));
    const entry = { ...bootRequest.entry, kernelPath: "/boot/vmlinuz-6.1.2-probe" };
    const ours = await imageOf(arch, { kernel, entry });
    const files = await loaderPackages(arch, uki.packages(arch));
    const stub = files.get(`/usr/lib/systemd/boot/efi/${stubOf[arch]}.efi.stub`);
    if (stub?.type !== "file") throw new Error("no stub");
    const at = (name: string, content: ByteSource) => {
      const path = join(directory, `${arch}-${name}`);
      writeFileSync(path, readAll(content));
      return path;
    };
    const output = join(directory, `${arch}-theirs`);
    const { status, output: said } = await runUkify([
      ...["build", `--stub=${at("stub", stub.content)}`, `--linux=${at("linux", kernel)}`, `--output=${output}`],
      ...[`--initrd=${at("initrd", bootRequest.initrd as ByteSource)}`],
      `--os-release=@${at("osrel", textSource(bootRequest.osRelease))}`,
      `--cmdline=root=${entry.root} ${entry.cmdline}`,
      ...(arch === "amd64" ? [] : ["--uname=6.1.2-probe"]),
    ]);
    expect({ status, said }).toMatchObject({ status: 0 });
    // ukify takes the version from the kernel's header, and so do we.
    const theirs = bytesSource(readFileSync(output));
    expect(describeSections(ours)).toEqual(describeSections(theirs));
    expect(Buffer.from(readAll(ours)).equals(readAll(theirs))).toBe(true);
  });

  test("says that data are executed where the kernel may do so", async () => {
    const flagOf = (image: ByteSource) => (readPe(image)?.optional.dllCharacteristics ?? 0) & nxCompatible;
    expect(flagOf(await imageOf("amd64"))).toBe(nxCompatible);
    const kernel = bytesSource(efiProgram({ isNxCompatible: false }));
    expect(flagOf(await imageOf("amd64", { kernel }))).toBe(0);
  });

  test("holds what a compressed kernel unpacks to", async () => {
    const program = efiProgram({ machine: machines.arm64 });
    const image = await imageOf("arm64", { kernel: bytesSource(gzipSync(program)) });
    const headers = readPe(image);
    expect(headers && readSection(image, headers, ".linux")).toEqual(program);
  });

  test("does without initrd, os-release and root", async () => {
    const entry = { ...bootRequest.entry, root: undefined, cmdline: "quiet", kernelPath: "/boot/kernel" };
    const image = await imageOf("amd64", { entry, initrd: undefined, osRelease: "" });
    const headers = readPe(image);
    expect(headers?.sections.map(({ name }) => name).slice(6)).toEqual([".cmdline", ".linux"]);
    expect(headers && Buffer.from(readSection(image, headers, ".cmdline") ?? []).toString()).toBe("quiet");
  });

  test.for<[string, Partial<BootRequest>, string]>([
    ["text", { kernel: textSource("no kernel") }, "it is no program for UEFI"],
    ["nothing", { kernel: bytesSource(new Uint8Array(0)) }, "it is no program for UEFI"],
    ["cut-off headers", { kernel: sliceSource(bytesSource(efiProgram()), 0, 200) }, "it is no program for UEFI"],
    ["a kernel for ARM", { kernel: bytesSource(efiProgram({ machine: machines.arm64 })) }, "another processor"],
    ["a damaged archive", { kernel: bytesSource(Uint8Array.of(0x1f, 0x8b, 8, 0)) }, "cannot unpack the kernel"],
    ["a kernel for multiboot", { entry: { ...bootRequest.entry, protocol: "multiboot2" } }, "it starts Linux only"],
  ])("%s is refused, with why", async ([, changes, reason]) => {
    await expect(imageOf("amd64", changes)).rejects.toThrow(reason);
  });

  test("whatever a kernel's headers say, there is an image or an error that says why", async () => {
    const files = await loaderPackages("amd64", uki.packages("amd64"));
    const change = fc.record({ at: fc.nat(600), value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const program = efiProgram();
        for (const { at, value } of changes) program[at] = value;
        try {
          const { espFiles } = await uki.plan({ ...bootRequest, files, kernel: bytesSource(program) });
          expect(espFiles.has("/EFI/BOOT/BOOTX64.EFI")).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(CloudimgError);
        }
      }),
      { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300) },
    );
  });

  test("a stub whose headers have no room is told apart", () => {
    const program = bytesSource(efiProgram({ headersBytes: 512 }));
    const headers = readPe(program);
    if (headers === undefined) throw new Error("not read");
    const sections = Array.from({ length: 6 }, (_, index) => ({ name: `.s${index}`, content: textSource("x") }));
    expect(addSections(program, headers, sections, true)).toBeUndefined();
    expect(addSections(program, headers, [{ name: ".text", content: zeros(513) }], true)).toBeUndefined();
    expect(addSections(program, headers, [{ name: ".text", content: zeros(512) }], true)).toBeDefined();
  });
});

function zeros(count: number): ByteSource {
  return bytesSource(new Uint8Array(count));
}

function describeSections(image: ByteSource): unknown {
  return readPe(image)?.sections.map((section) => ({ ...section }));
}
