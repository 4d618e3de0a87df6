import type { Connection } from "../connection.ts";
import type { Api } from "./api.ts";

/** What the parts of this provider share. */
export interface Settings {
  readonly api: Api;
  readonly connection: Connection;
  readonly region: string;
  /** With the APPID: `images-1250000000`. */
  readonly bucket: string;
}
