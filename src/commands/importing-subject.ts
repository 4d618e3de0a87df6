import { existsSync } from "node:fs";
import { canonicalDigest } from "../core/canonical-json.ts";
import { type Context, step } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import type { CheckFacts } from "../examine/check-facts.ts";
import type { ImportRequest } from "../providers/cloud.ts";
import type { StoredObject } from "../providers/object-store.ts";
import type { BuiltImage } from "../providers/provider.ts";
import { sizeOption } from "./cloud-options.ts";
import { nameOfFile } from "./uploading.ts";

/** What may be said of an image that cannot be looked into, or that is found out wrongly. */
export interface SubjectOptions {
  readonly bucket?: string;
  readonly firmware?: ImportRequest["firmware"];
  readonly arch?: ImportRequest["architecture"];
  readonly diskSize?: string;
  readonly format?: string;
}

/** What is imported: a file of this host, or an object that is in the store already. */
export interface ImportSubject
  extends Pick<ImportRequest, "architecture" | "firmware" | "hasNvme">,
    Pick<BuiltImage, "path" | "format" | "sizeBytes"> {
  /** Of file or key. */
  readonly name: string;
  readonly object: StoredObject | undefined;
}

/** A bucket's name, and the key in it. */
const objectName = /^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/;
const formats: Readonly<Record<string, string>> = { img: "raw", qcow2: "qcow2", raw: "raw", vhd: "vhd", vmdk: "vmdk" };
/** Of a disk that nobody has looked at: what every cloud gives a new machine. */
const usualDiskBytes = 40 * 1024 ** 3;

/** The bucket and the key of `BUCKET/KEY`. */
export function objectIn(text: string): { readonly bucket: string; readonly key: string } | undefined {
  const [, bucket, key] = objectName.exec(text) ?? [];
  return bucket === undefined || key === undefined ? undefined : { bucket, key };
}

/** Whether it names an object, `BUCKET/KEY`; what is a file here is none. */
export function bucketOfObject(what: string, bucket: string | undefined): string | undefined {
  if (existsSync(what)) return undefined;
  const named = objectName.exec(what)?.[1];
  return named !== undefined && (bucket === undefined || bucket === named) ? named : undefined;
}

/** Errors: `usage/file` for what is neither. */
export function checkThere(what: string, bucket: string | undefined): void {
  if (existsSync(what) || bucketOfObject(what, bucket) !== undefined) return;
  fail("usage/file", `cannot import ${what}: there is no such file`, {
    hint: "name an image file, or an object as BUCKET/KEY",
  });
}

/** Errors: `usage/…`, and what is wrong with a file that is no image. */
export async function importSubject(what: string, options: SubjectOptions, context: Context): Promise<ImportSubject> {
  return bucketOfObject(what, options.bucket) === undefined
    ? await fileSubject(what, options, context)
    : objectSubject(what, options, context);
}

async function fileSubject(path: string, options: SubjectOptions, context: Context): Promise<ImportSubject> {
  const { examineImage } = await import("../examine/open.ts");
  const { gatherFacts } = await import("../examine/check-facts.ts");
  return await step(context, "examine", "Look into the image", (progress) => {
    const examined = examineImage(path);
    try {
      const facts = gatherFacts(examined);
      const architecture = options.arch ?? architectureOf(facts);
      const firmware = options.firmware ?? (facts.bootsBios || !facts.bootsUefi ? "bios" : "uefi");
      const hasNvme = facts.drivers.place("nvme") === "built in" || facts.drivers.place("nvme") === "initrd";
      const { format, disk } = examined.image;
      progress.note(`${format}, ${architecture}, ${firmware}${hasNvme ? ", NVMe" : ""}`);
      const sizeBytes = disk.sizeBytes;
      return { name: nameOfFile(path), path, object: undefined, format, sizeBytes, architecture, firmware, hasNvme };
    } finally {
      examined.close();
    }
  });
}

function objectSubject(what: string, options: SubjectOptions, { emit }: Context): ImportSubject {
  const [, bucket = "", key = ""] = objectName.exec(what) ?? [];
  const extension = key.split(".").at(-1)?.toLowerCase() ?? "";
  const format = options.format ?? formats[extension];
  if (format === undefined)
    fail("usage/arguments", `cannot tell from the key ${key} what format the image has`, {
      hint: "name it with --format, for example --format qcow2",
    });
  const { arch: architecture = "amd64" } = options;
  const firmware = options.firmware ?? (architecture === "amd64" ? "bios" : "uefi");
  const sizeBytes = options.diskSize === undefined ? usualDiskBytes : sizeOption("--disk-size", options.diskSize);
  const guesses = [
    ...(options.diskSize === undefined ? ["a disk of 40 GiB at most (--disk-size)"] : []),
    ...(options.arch === undefined ? ["amd64 (--arch)"] : []),
    ...(options.firmware === undefined ? [`${firmware} (--firmware)`] : []),
  ];
  if (guesses.length > 0)
    emit({ type: "log", level: "info", message: `nobody has looked into ${what}: taken for ${guesses.join(", ")}` });
  // The store keeps no digest of what others have put there, so the place has to stand for the content.
  const object = { bucket, key, sizeBytes: 0, sha256: canonicalDigest([bucket, key]) };
  const hasNvme = false;
  return { name: nameOfFile(key), path: "", object, format, sizeBytes, architecture, firmware, hasNvme };
}

const kernelArchitectures: Readonly<Record<string, ImportRequest["architecture"]>> = {
  x86: "amd64",
  arm64: "arm64",
  riscv: "riscv64",
};
const efiNames: readonly (readonly [RegExp, ImportRequest["architecture"]])[] = [
  [/x64\.efi$/i, "amd64"],
  [/aa64\.efi$/i, "arm64"],
  [/riscv64\.efi$/i, "riscv64"],
];

/** Of its kernels, else of what firmware starts. */
function architectureOf({ inspection }: CheckFacts): ImportRequest["architecture"] {
  const systems = inspection.volumes.flatMap(({ fileSystem }) => fileSystem ?? []);
  const ofKernels = systems.flatMap(({ kernels }) => kernels.flatMap(({ arch }) => kernelArchitectures[arch] ?? []));
  const programs = systems.flatMap(({ efiPrograms }) => efiPrograms.filter(({ isDefault }) => isDefault));
  const ofPrograms = programs.flatMap(({ path }) => efiNames.flatMap(([name, arch]) => (name.test(path) ? arch : [])));
  return ofKernels[0] ?? ofPrograms[0] ?? "amd64";
}
