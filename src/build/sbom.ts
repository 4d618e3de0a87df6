import { bytesSource } from "../core/byte-source.ts";
import { defaultAttributes, type Tree } from "../core/tree.ts";
import { cyclonedxDocument } from "./sbom-cyclonedx.ts";
import { type SbomRequest, sbomInputs } from "./sbom-inputs.ts";
import { spdxDocument } from "./sbom-spdx.ts";
import { jsonFile, type SideFile } from "./side-file.ts";

/** Where images keep their bills of materials; apko and what scans its images look here. */
const imageDirectory = "/var/lib/db/sbom";

/** The bills of materials of an image: `NAME.spdx.json` and `NAME.cdx.json`, the same bytes beside the image and in it. */
export function sbomFiles(request: SbomRequest): SideFile[] {
  const inputs = sbomInputs(request);
  const { name } = request.image;
  return [jsonFile(`${name}.spdx.json`, spdxDocument(inputs)), jsonFile(`${name}.cdx.json`, cyclonedxDocument(inputs))];
}

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
