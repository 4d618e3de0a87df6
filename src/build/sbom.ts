import { bytesSource } from "../core/byte-source.ts";
import type { KeptBytes } from "../core/kept-bytes.ts";
import { defaultAttributes, type Tree } from "../core/tree.ts";
import { cyclonedxDocument } from "./sbom-cyclonedx.ts";
import { type SbomRequest, sbomInputs } from "./sbom-inputs.ts";
import { spdxDocument } from "./sbom-spdx.ts";
import { jsonFile, type SideFile } from "./side-file.ts";

/** Where images keep their bills of materials; apko and what scans its images look here. */
const imageDirectory = "/var/lib/db/sbom";

/** The bills of materials of an image: `NAME.spdx.json` and `NAME.cdx.json`, the same bytes beside the image and in it. */
export function sbomFiles(request: SbomRequest, kept?: KeptBytes): SideFile[] {
  const { image, seed, cloudimgVersion } = request;
  // The seed stands for the lock and the profile. Reading the packages' copyright files takes longest.
  const key = { recipe, image, seed, cloudimgVersion };
  const known = kept?.get("sbom", key);
  if (known !== undefined) {
    const files = JSON.parse(Buffer.from(known).toString()) as [fileName: string, text: string][];
    return files.map(([fileName, text]) => ({ fileName, bytes: Buffer.from(text) }));
  }
  const inputs = sbomInputs(request);
  const files = [
    jsonFile(`${image.name}.spdx.json`, spdxDocument(inputs)),
    jsonFile(`${image.name}.cdx.json`, cyclonedxDocument(inputs)),
  ];
  const texts = files.map(({ fileName, bytes }) => [fileName, Buffer.from(bytes).toString()]);
  kept?.put("sbom", key, Buffer.from(JSON.stringify(texts)));
  return files;
}

/** Part of the name in the cache: raise it when the bills of the same packages become others. */
const recipe = 1;

/** Puts bills into the tree. */
export function addSbom(tree: Tree, files: readonly SideFile[], epochSeconds: number): void {
  for (const { fileName, bytes } of files)
    tree.set(`${imageDirectory}/${fileName}`, {
      ...defaultAttributes,
      type: "file",
      mode: 0o644,
      mtime: epochSeconds,
      origin: "cloudimg",
      content: bytesSource(bytes),
    });
}
