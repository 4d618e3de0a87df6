import { createHash } from "node:crypto";
import type { InstanceConfig } from "../guest-config/model.ts";
import type { CloudName } from "../providers/cloud.ts";
import type { MachineOrder } from "./machine-maker.ts";

/** Of the cards that each cloud's instances have. */
const macPrefixes: Readonly<Record<CloudName, string>> = {
  tencent: "52:54:00",
  alibaba: "00:16:3e",
  huawei: "fa:16:3e",
};

/** What the cloud tells an instance: no more than it was told itself. Where addresses come from is the cloud's own way. */
export function configOfOrder(order: MachineOrder): InstanceConfig {
  const { cloud, instanceId, hostname, publicKeyLine, userData } = order;
  const digest = createHash("sha256").update(instanceId).digest("hex").slice(0, 6);
  const mac = `${macPrefixes[cloud]}:${digest.replace(/..(?=.)/g, "$&:")}`;
  const nic = { mac, dhcp4: true, addresses: [], routes: [], nameservers: [], search: [] };
  return {
    instanceId,
    hostname,
    authorizedKeys: publicKeyLine === undefined ? {} : { root: [publicKeyLine] },
    network: { interfaces: [nic], nameservers: [], search: [] },
    ...(userData !== undefined && { userData }),
  };
}
