import { Argument, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import { bucketOption, cloudOption, regionOption } from "./options.ts";
import type { UploadOptions } from "./uploading.ts";

export const upload: Verb = {
  name: "upload",
  summary: "send an image file to a cloud's object store",
  examples: [
    "cloudimg upload out/local.qcow2 -p tencent --region ap-guangzhou --bucket images-1250000000",
    "cloudimg upload out/local.qcow2 -p alibaba --bucket my-images --key web/disk.qcow2",
    "cloudimg upload out/local.qcow2 -p huawei --bucket my-images --abort   # removes what a cut-off upload has left",
  ],
  args: [new Argument("<IMAGE>", "an image file")],
  options: [
    cloudOption,
    bucketOption,
    regionOption,
    new Option("--key <KEY>", "its name in the bucket; default: one with the content's digest"),
    new Option("--abort", "end an unfinished upload of this file, and remove what it has sent"),
  ],
  async run({ args, options, context, result }: Invocation<UploadOptions>) {
    const { formatBytes } = await import("../core/format.ts");
    const { uploadImage } = await import("./uploading.ts");
    const uploaded = await uploadImage(args[0] as string, options, context);
    const { bucket, key, sizeBytes, sha256, outcome } = uploaded;
    const texts = {
      uploaded: `${bucket}/${key}\n${formatBytes(sizeBytes)}, sha256 ${sha256}`,
      existed: `${bucket}/${key}\n${formatBytes(sizeBytes)}, sha256 ${sha256}; it was there already`,
      aborted: `the upload to ${bucket}/${key} is ended, and what it had sent is removed`,
      nothing: `no unfinished upload to ${bucket}/${key} is known here`,
    };
    result(texts[outcome], { provider: options.provider, ...uploaded });
    return 0;
  },
};
