import { isoSeconds } from "../clock.ts";
import { timeOf } from "./jobs.ts";
import type { FlavorRecord, ServerRecord } from "./records.ts";
import type { HuaweiWorld } from "./world.ts";

/** `ServerDetail` */
export function serverDetail(world: HuaweiWorld, server: ServerRecord): object {
  const { id, name, status, region } = server;
  const project = world.account.projectIn(region);
  const flavor = world.flavors.get(region)?.find((known) => known.id === server.flavorId);
  const eip = world.eips.get(server.eipId ?? "");
  const mac = `fa:16:3e:${id.slice(0, 2)}:${id.slice(2, 4)}:${id.slice(4, 6)}`;
  const port = { version: "4", "OS-EXT-IPS-MAC:mac_addr": mac, "OS-EXT-IPS:port_id": `port-${id}` };
  const addresses = [
    { ...port, addr: server.privateAddress, "OS-EXT-IPS:type": "fixed" },
    ...(eip === undefined ? [] : [{ ...port, addr: eip.address, "OS-EXT-IPS:type": "floating" }]),
  ];
  return {
    id,
    name,
    status,
    ...(server.fault !== undefined && {
      fault: { message: server.fault, code: 500, details: "", created: isoSeconds(server.createdMs) },
    }),
    tenant_id: project,
    user_id: world.account.accountId,
    created: isoSeconds(server.createdMs),
    updated: isoSeconds(server.launchedMs ?? server.createdMs),
    auto_terminate_time: timeOf(server.terminatesMs),
    hostId: project,
    host_status: "UP",
    "OS-EXT-SRV-ATTR:host": "",
    addresses: status === "BUILD" ? {} : { [server.vpcId]: addresses },
    key_name: server.keyName,
    image: { id: server.imageId },
    flavor: {
      id: server.flavorId,
      name: server.flavorId,
      disk: "0",
      vcpus: String(flavor?.vcpus ?? 0),
      ram: String(flavor?.ramMib ?? 0),
      gpus: [],
      asic_accelerators: [],
    },
    security_groups: server.securityGroupIds.map((group) => ({
      id: group,
      name: world.securityGroups.get(group)?.name ?? "",
    })),
    accessIPv4: "",
    accessIPv6: "",
    config_drive: "",
    locked: false,
    metadata: { vpc_id: server.vpcId, image_name: "", charging_mode: server.isSpot ? "2" : "0" },
    "os-extended-volumes:volumes_attached": [
      { id: server.volumeId, delete_on_termination: "true", bootIndex: "0", device: "/dev/vda" },
    ],
    "OS-DCF:diskConfig": "MANUAL",
    "OS-EXT-AZ:availability_zone": server.zone,
    "OS-EXT-SRV-ATTR:hostname": name,
    "OS-EXT-SRV-ATTR:hypervisor_hostname": "",
    "OS-EXT-SRV-ATTR:instance_name": `instance-${id.slice(0, 8)}`,
    "OS-EXT-SRV-ATTR:kernel_id": "",
    "OS-EXT-SRV-ATTR:launch_index": 0,
    "OS-EXT-SRV-ATTR:ramdisk_id": "",
    "OS-EXT-SRV-ATTR:root_device_name": "/dev/vda",
    "OS-EXT-STS:power_state": status === "ACTIVE" ? 1 : 0,
    "OS-EXT-STS:task_state": status === "BUILD" ? "spawning" : "",
    "OS-EXT-STS:vm_state": status.toLowerCase(),
    "OS-SRV-USG:launched_at": timeOf(server.launchedMs),
    "OS-SRV-USG:terminated_at": "",
    enterprise_project_id: "0",
    tags: [...server.tags].map(([key, value]) => `${key}=${value}`),
  };
}

/** `Flavor` */
export function flavorAnswer(flavor: FlavorRecord): object {
  const zones = (entries: ReadonlyMap<string, string>) =>
    [...entries].map(([zone, status]) => `${zone}(${status})`).join(",");
  return {
    id: flavor.id,
    name: flavor.id,
    vcpus: String(flavor.vcpus),
    ram: flavor.ramMib,
    disk: "0",
    swap: "",
    "OS-FLV-EXT-DATA:ephemeral": 0,
    "OS-FLV-DISABLED:disabled": false,
    rxtx_factor: 1,
    rxtx_quota: "",
    rxtx_cap: "",
    "os-flavor-access:is_public": true,
    links: [],
    os_extra_specs: {
      "ecs:generation": flavor.id.slice(0, 2),
      "ecs:performancetype": flavor.hasGpu ? "gpu" : "normal",
      resource_type: "IOoptimized",
      "cond:operation:status": "normal",
      "cond:operation:az": zones(flavor.zones),
      ...(flavor.spotZones.size > 0 && {
        "cond:spot:operation:status": "abandon",
        "cond:spot:operation:az": zones(flavor.spotZones),
      }),
      ...(flavor.isArm && { "ecs:instance_architecture": "arm64" }),
      ...(flavor.hasGpu && { "pci_passthrough:enable_gpu": "true" }),
    },
  };
}
