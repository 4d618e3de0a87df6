import type { ServerRecord } from "./records.ts";
import { type HuaweiWorld, inRegion } from "./world.ts";

/** An address that is not to end with it stays, and is billed; so does a disk. */
export async function endServer(
  world: HuaweiWorld,
  server: ServerRecord,
  { withEip, withVolume }: { readonly withEip: boolean; readonly withVolume: boolean },
): Promise<void> {
  if (!world.servers.delete(server.id)) return;
  if (withVolume) world.volumes.delete(server.volumeId);
  const eip = world.eips.get(server.eipId ?? "");
  if (eip !== undefined) {
    if (withEip || eip.endsWithServer) world.eips.delete(eip.id);
    else eip.serverId = undefined;
  }
  const machine = world.machines.get(server.id);
  world.machines.delete(server.id);
  await (await machine?.catch(() => undefined))?.stop();
}

/** As if the cloud had taken a spot instance back. */
export async function reclaimServer(world: HuaweiWorld, id: string): Promise<void> {
  const server = world.servers.get(id);
  if (server !== undefined) await endServer(world, server, { withEip: false, withVolume: true });
}

export function inUse(world: HuaweiWorld, region: string): { readonly instances: number; readonly cores: number } {
  const servers = inRegion(world.servers.values(), region);
  const flavors = world.flavors.get(region) ?? [];
  const cores = servers.reduce(
    (sum, server) => sum + (flavors.find(({ id }) => id === server.flavorId)?.vcpus ?? 0),
    0,
  );
  return { instances: servers.length, cores };
}
