import { aliyunImage } from "./aliyun-image.ts";
import { configDrive } from "./config-drive.ts";
import type { Datasource } from "./datasource.ts";
import { noCloud } from "./nocloud-source.ts";

/** Those that are on the machine, in the order in which they are asked; the first that finds something decides. */
export const localSources: readonly Datasource[] = [configDrive, noCloud, aliyunImage];
