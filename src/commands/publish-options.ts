import type { CloudName } from "../providers/cloud.ts";
import type { BuildOptions } from "./built.ts";

/** As the command line gives them. */
export interface PublishOptions extends BuildOptions {
  readonly provider?: readonly ("local" | CloudName)[];
  readonly region?: string;
  readonly bucket?: string;
  readonly rehearse?: boolean;
  readonly fault?: readonly string[];
  readonly report?: string;
  readonly keep?: boolean;
}
