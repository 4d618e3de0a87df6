import { loadPart } from "../initializer/parts.ts";
import type { Datasource } from "./datasource.ts";
import { noCloudSign } from "./detect.ts";
import { nocloudLine } from "./nocloud-line.ts";

/** A small disk or CD with the label `cidata`, a directory, the image's own settings, and a line of text that may name a further place. Its reader is in a part. */
export const noCloud: Datasource = {
  name: "nocloud",
  cloudInitName: "NoCloud",
  find: (host, signs) =>
    noCloudSign(signs) === undefined && nocloudLine(signs) === undefined
      ? undefined
      : loadPart(host, "sources").findNocloud(host, signs),
};
