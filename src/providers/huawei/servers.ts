import type { Context } from "../../core/context.ts";
import type { InstanceState } from "../cloud.ts";
import type { HuaweiClient } from "./client.ts";
import { isMissing } from "./make-once.ts";
import { haveTags, plainTags } from "./tags.ts";

/** `ServerDetail` of ECS v1, of which this is used. */
export interface Server {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly created?: string;
  readonly tags?: readonly string[];
  readonly fault?: { readonly message?: string; readonly code?: number } | null;
  readonly addresses?: Readonly<
    Record<string, readonly { readonly addr: string; readonly "OS-EXT-IPS:type"?: string }[]>
  >;
}

/** Those that are not here are on their way from one to another. */
const states: Readonly<Record<string, InstanceState["state"]>> = {
  ACTIVE: "running",
  SHUTOFF: "stopped",
  SHELVED: "stopped",
  SHELVED_OFFLOADED: "stopped",
  ERROR: "failed",
  DELETED: "gone",
  SOFT_DELETED: "gone",
};

const pageLength = 100;

export async function showServer(client: HuaweiClient, id: string, context: Context): Promise<Server | undefined> {
  try {
    const call = { what: `look at the instance ${id}`, path: { server_id: id } };
    return (await client.call<{ server: Server }>("ecs.ShowServer", call, context)).server;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Those that have these tags, which are compared here: what the API's own filter compares is told in several ways. */
export async function listServers(
  client: HuaweiClient,
  tags: Readonly<Record<string, string>>,
  context: Context,
): Promise<Server[]> {
  const all: Server[] = [];
  // Pages are counted from 1.
  for (let offset = 1; ; offset++) {
    const call = { what: "list the instances", query: { limit: pageLength, offset } };
    const { servers } = await client.call<{ servers: Server[] }>("ecs.ListServersDetails", call, context);
    all.push(...servers);
    if (servers.length < pageLength) return all.filter((server) => haveTags(plainTags(server.tags ?? []), tags));
  }
}

export function instanceState(server: Server, wantedTags?: Readonly<Record<string, string>>): InstanceState {
  const addresses = Object.values(server.addresses ?? {}).flat();
  const of = (type: string) => addresses.filter((entry) => entry["OS-EXT-IPS:type"] === type).map(({ addr }) => addr);
  return {
    id: server.id,
    state: states[server.status] ?? "pending",
    ...(server.fault?.message !== undefined && { reason: server.fault.message }),
    publicAddresses: of("floating"),
    privateAddresses: of("fixed"),
    tags: plainTags(server.tags ?? [], wantedTags),
    name: server.name,
    createdAt: server.created,
  };
}
