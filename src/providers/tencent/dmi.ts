import type { Smbios } from "../../machine/smbios.ts";

/** As Tencent's guests recognise it (canonical/cloud-init#4198). Hosts of an older kind say `Smdbmds`, `KVM` and `3.0`. */
export const tencentDmi: Smbios = { system: { manufacturer: "Tencent Cloud", product: "CVM" } };
