import type { Smbios } from "../../machine/smbios.ts";

/** What cloud-init's data source OpenStack looks for (canonical/cloud-init#1689): the asset tag. Hosts of an older kind say that they are an `OpenStack Nova`. */
export const huaweiDmi: Smbios = { system: { manufacturer: "Huawei Cloud" }, chassis: { asset: "HUAWEICLOUD" } };
