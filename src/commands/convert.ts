import { Argument, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import type { ConvertOptions } from "./converting.ts";

export const convert: Verb = {
  name: "convert",
  summary: "convert an image file to another format",
  examples: [
    "cloudimg convert disk.raw disk.qcow2",
    "cloudimg convert disk.vmdk disk.vhd --json",
    "cloudimg convert overlay.qcow2 whole.qcow2 --compat 0.10 --no-compress",
    "cloudimg convert disk.qcow2 disk.bin --format raw",
  ],
  args: [
    new Argument("<IN>", "an image of any format that cloudimg knows, with the files it is based on"),
    new Argument("<OUT>", "the file to write; what has the name is replaced"),
  ],
  options: [
    new Option("-f, --format <FORMAT>", "what to write: raw, qcow2, vhd, vmdk, vdi, …; default: by OUT's extension"),
    new Option("--from <FORMAT>", "what IN is; default: by its content"),
    new Option("--compress", "compress the data, where the format can (default)"),
    new Option("--no-compress", "store the data as it is"),
    new Option("--cluster-size <SIZE>", "qcow2: from 512B to 2MiB (default 64KiB)"),
    new Option("--compat <VERSION>", "qcow2: oldest QEMU that reads it (default 1.1)").choices(["0.10", "1.1"]),
    new Option("--compression <METHOD>", "qcow2: how to compress (default zlib)").choices(["zlib", "zstd"]),
  ],
  async run({ args, options, context, result }: Invocation<ConvertOptions>) {
    const { convertImage } = await import("./converting.ts");
    const { describeConverted } = await import("../report/converted.ts");
    const converted = await convertImage(args[0] as string, args[1] as string, options, context);
    result(describeConverted(converted), converted);
    return 0;
  },
};
