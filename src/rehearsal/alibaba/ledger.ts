import type { Resource } from "../../providers/cloud.ts";
import { isoSeconds } from "../clock.ts";
import type { EcsState } from "./state.ts";

/** All that costs money or counts against a quota, but for what an account has from the beginning. */
export function ecsLedger(state: EcsState): Resource[] {
  const run = (tags: Readonly<Record<string, string>>) => ({ run: tags["cloudimg:run"] });
  const at = ({ createdMs }: { createdMs: number }) => ({ createdAt: isoSeconds(createdMs) });
  const own = [...state.vpcs.values()].filter(({ isDefault }) => !isDefault);
  const ownSubnets = [...state.vSwitches.values()].filter(({ isDefault }) => !isDefault);
  return [
    ...[...state.images.values()].map((one) => ({
      kind: "image" as const,
      id: one.id,
      region: one.region,
      name: one.name,
      ...run(one.tags),
      ...at(one),
    })),
    ...[...state.snapshots.values()].map((one) => ({
      kind: "snapshot" as const,
      id: one.id,
      region: one.region,
      ...at(one),
    })),
    ...[...state.instances.values()].map((one) => ({
      kind: "instance" as const,
      id: one.id,
      region: one.order.region,
      name: one.order.name,
      ...run(one.tags),
      ...at(one),
    })),
    ...[...state.securityGroups.values()].map((one) => ({
      kind: "security-group" as const,
      id: one.id,
      region: one.region,
      name: one.name,
      ...run(one.tags),
      ...at(one),
    })),
    ...[...state.keyPairs.values()].map((one) => ({
      kind: "key-pair" as const,
      id: one.name,
      region: one.region,
      name: one.name,
      ...run(one.tags),
      ...at(one),
    })),
    ...ownSubnets.map((one) => ({
      kind: "subnet" as const,
      id: one.id,
      region: one.region,
      name: one.name,
      ...at(one),
    })),
    ...own.map((one) => ({ kind: "network" as const, id: one.id, region: one.region, name: one.name, ...at(one) })),
  ];
}
