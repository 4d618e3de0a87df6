import type { Resource } from "../../providers/cloud.ts";
import { isoSeconds } from "../clock.ts";
import { defaultNames, type HuaweiWorld } from "./world.ts";

interface Thing {
  readonly id: string;
  readonly region: string;
  readonly name?: string;
  readonly createdMs?: number;
  readonly tags?: ReadonlyMap<string, string>;
}

/** All that somebody has made and that costs money or counts against a quota. A disk is told of when its server is gone. */
export function huaweiResources(world: HuaweiWorld): Resource[] {
  const resource = (kind: Resource["kind"]) => (thing: Thing) => ({
    kind,
    id: thing.id,
    region: thing.region,
    name: thing.name,
    run: thing.tags?.get("cloudimg_run"),
    createdAt: thing.createdMs === undefined ? undefined : isoSeconds(thing.createdMs),
  });
  const inUse = new Set([...world.servers.values()].map(({ volumeId }) => volumeId));
  const isOwn = (name: string) => (thing: { readonly name: string }) => thing.name !== name;
  return [
    ...[...world.images.values()].map(resource("image")),
    ...[...world.servers.values()].map(resource("instance")),
    ...[...world.eips.values()].map(resource("address")),
    ...[...world.volumes.values()].filter(({ id }) => !inUse.has(id)).map(resource("volume")),
    ...[...world.securityGroups.values()].map(resource("security-group")),
    ...world.keyPairs.map(({ name, ...pair }) => resource("key-pair")({ ...pair, id: name, name })),
    ...[...world.subnets.values()].filter(isOwn(defaultNames.subnet)).map(resource("subnet")),
    ...[...world.vpcs.values()].filter(isOwn(defaultNames.vpc)).map(resource("network")),
  ];
}
