import type { Smbios } from "../../machine/smbios.ts";

/** What cloud-init's data source AliYun looks for: the product's name, on x86 and Arm alike. */
export const alibabaDmi: Smbios = { system: { manufacturer: "Alibaba Cloud", product: "Alibaba Cloud ECS" } };
