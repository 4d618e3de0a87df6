import type { Resource } from "../../providers/cloud.ts";
import { isoSeconds } from "../clock.ts";
import type { TagRecord } from "./records.ts";
import type { TencentWorld } from "./world.ts";

interface Thing {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  readonly createdMs: number;
  readonly tags: readonly TagRecord[];
}

/** All that somebody has made and that costs money or counts against a quota. */
export function tencentResources(world: TencentWorld): Resource[] {
  const resource = (kind: Resource["kind"]) => (thing: Thing) => ({
    kind,
    id: thing.id,
    region: thing.region,
    name: thing.name,
    run: thing.tags.find(({ Key }) => Key === "cloudimg:run")?.Value,
    createdAt: isoSeconds(thing.createdMs),
  });
  return [
    ...world.images.map(resource("image")),
    ...world.instances.map(resource("instance")),
    ...world.securityGroups.map(resource("security-group")),
    ...world.keyPairs.map(resource("key-pair")),
  ];
}
