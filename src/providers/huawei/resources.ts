import type { Context } from "../../core/context.ts";
import type { Resource } from "../cloud.ts";
import type { HuaweiClient } from "./client.ts";
import { listAll, nameOfKeyPair, nameOfRun, namePrefix } from "./network.ts";
import { listServers } from "./servers.ts";
import { plainTags } from "./tags.ts";

interface Named {
  readonly id: string;
  readonly name: string;
}

/** What `launch` has made: instances by their tags, all else by its name. */
export async function findResources(
  client: HuaweiClient,
  { run }: { readonly run?: string },
  context: Context,
): Promise<Resource[]> {
  const { region } = client;
  const runOf = (name: string) => name.slice(namePrefix.length);
  const isOurs = (name: string) => (run === undefined ? name.startsWith(namePrefix) : name === nameOfRun(run));

  const wantedTags = run === undefined ? {} : { "cloudimg:run": run };
  const servers = (await listServers(client, wantedTags, context)).flatMap((server): Resource[] => {
    const tags = plainTags(server.tags ?? [], wantedTags);
    const id = tags["cloudimg:run"];
    const { name, created: createdAt } = server;
    return id === undefined ? [] : [{ kind: "instance", id: server.id, region, name, run: id, createdAt }];
  });
  // Its bandwidth is named after the instance that it was made for. One that is in use is its instance's, which removes it.
  const list = { key: "publicips", what: "list the public addresses" };
  const publicips = await listAll<Address>(client, "eip.ListPublicips", list, context);
  const addresses = publicips.flatMap(({ id, bandwidth_name = "", port_id, create_time }): Resource[] => {
    const name = bandwidth_name.replace(/-bandwidth-\w+$/, "");
    if (!isOurs(name) || (port_id ?? "") !== "") return [];
    return [{ kind: "address", id, region, name, run: runOf(name), createdAt: create_time && isoOf(create_time) }];
  });
  const named = async (
    kind: Resource["kind"],
    operation: Parameters<typeof listAll>[1],
    key: string,
  ): Promise<Resource[]> => {
    const all = await listAll<Named>(client, operation, { key, what: `list what is left of a run` }, context);
    return all.filter(({ name }) => isOurs(name)).map(({ id, name }) => ({ kind, id, region, name, run: runOf(name) }));
  };
  return [
    ...servers,
    ...addresses,
    ...(await named("security-group", "vpc.ListSecurityGroups", "security_groups")),
    ...(await keyPairs(client, context))
      .map((id) => ({ id, name: nameOfKeyPair(id) }))
      .filter(({ name }) => isOurs(name))
      .map(({ id, name }) => ({ kind: "key-pair" as const, id, region, name: id, run: runOf(name) })),
    ...(await named("subnet", "vpc.ListSubnets", "subnets")),
    ...(await named("network", "vpc.ListVpcs", "vpcs")),
  ];
}

interface Address {
  readonly id: string;
  readonly bandwidth_name?: string;
  readonly port_id?: string;
  readonly create_time?: string;
}

/** `2026-11-21 18:00:00`, of UTC */
function isoOf(time: string): string {
  return `${time.replace(" ", "T")}Z`;
}

const pageLength = 1000;

async function keyPairs(client: HuaweiClient, context: Context): Promise<string[]> {
  const names: string[] = [];
  for (;;) {
    const call = { what: "list the key pairs", query: { limit: pageLength, marker: names.at(-1) } };
    const { keypairs } = await client.call<{ keypairs: { keypair: { name: string } }[] }>(
      "ecs.NovaListKeypairs",
      call,
      context,
    );
    names.push(...keypairs.map(({ keypair }) => keypair.name));
    if (keypairs.length < pageLength) return names;
  }
}
