import { configDrive } from "./config-drive.ts";
import type { Datasource } from "./datasource.ts";

/** In the order in which they are asked; the first that finds something decides. */
export const datasources = { configDrive } as const satisfies Record<string, Datasource>;
