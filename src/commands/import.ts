import { Argument, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import type { ImportOptions } from "./importing.ts";
import { bucketOption, cloudOption, regionOption } from "./options.ts";

export const importVerb: Verb = {
  name: "import",
  summary: "make an image of a cloud from a file, or a stored object",
  examples: [
    "cloudimg import out/local.qcow2 -p tencent --region ap-guangzhou --bucket images-1250000000",
    "cloudimg import debian.qcow2 -p alibaba --bucket my-images --name debian-13 --family debian",
    "cloudimg import my-images/disk.qcow2 -p huawei --disk-size 2GiB   # BUCKET/KEY: it is uploaded already",
  ],
  args: [new Argument("<IMAGE>", "an image file, or BUCKET/KEY")],
  options: [
    cloudOption,
    bucketOption,
    regionOption,
    new Option("--name <NAME>", "what the image is called; default: the file's name and a digest"),
    new Option("--family <NAME>", "make it the newest image of this family"),
    new Option("--description <TEXT>", "what the cloud shows of it"),
    new Option("--firmware <NAME>", "what starts it; default: what it boots by").choices(["bios", "uefi"]),
    new Option("--arch <NAME>", "of its programs; default: of its kernel").choices(["amd64", "arm64", "riscv64"]),
    new Option("--disk-size <SIZE>", "of BUCKET/KEY: the size of the disk in it, like 2GiB"),
    new Option("--format <NAME>", "of BUCKET/KEY: its format; default: what the key ends with"),
    new Option("--no-check", "do not stop at what the cloud's rules forbid"),
    new Option("--keep-object", "leave the uploaded file in the bucket"),
  ],
  async run({ args, options, context, result }: Invocation<ImportOptions>) {
    const { describeLeftovers } = await import("./cleaning-words.ts");
    const { importImage } = await import("./importing.ts");
    const { run, image, existed, left } = await importImage(args[0] as string, options, context);
    const { id, name, region } = image;
    const verb = existed ? "was there already" : "imported";
    const lines = [
      id,
      `${name} in ${region}: ${verb}`,
      `launch it: cloudimg launch ${id} -p ${options.provider} --region ${region}`,
      ...describeLeftovers(left, run),
    ];
    result(lines.join("\n"), { provider: options.provider, run, existed, left, ...image });
    return left.length > 0 ? 7 : 0;
  },
};
