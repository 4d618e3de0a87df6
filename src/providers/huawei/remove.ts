import type { Context } from "../../core/context.ts";
import { CloudimgError } from "../../core/errors.ts";
import type { Resource } from "../cloud.ts";
import type { HuaweiClient } from "./client.ts";
import { waitForJob } from "./jobs.ts";
import { ignoreMissing } from "./make-once.ts";
import { removeSubnet } from "./network.ts";
import { showServer } from "./servers.ts";
import { JobFailure } from "./vendor-error.ts";

const mostRemovalMs = 10 * 60_000;

/** What is gone already is no error. Errors: `cloud/busy`, of what something else needs still. */
export async function removeResource(client: HuaweiClient, resource: Resource, context: Context): Promise<void> {
  const { kind, id } = resource;
  const what = `remove the ${kind} ${id}`;
  switch (kind) {
    case "instance":
      return await removeServer(client, id, context);
    case "image":
      return await ignoreMissing(() => client.call("ims.GlanceDeleteImage", { what, path: { image_id: id } }, context));
    case "security-group":
      return await ignoreMissing(() =>
        client.call("vpc.DeleteSecurityGroup", { what, path: { security_group_id: id } }, context),
      );
    case "key-pair":
      return await ignoreMissing(() =>
        client.call("ecs.NovaDeleteKeypair", { what, path: { keypair_name: id } }, context),
      );
    case "address":
      return await ignoreMissing(() => client.call("eip.DeletePublicip", { what, path: { publicip_id: id } }, context));
    case "subnet":
      return await removeSubnet(client, id, context);
    case "network":
      return await ignoreMissing(() => client.call("vpc.DeleteVpc", { what, path: { vpc_id: id } }, context));
    case "object":
    case "upload":
    case "snapshot":
      throw new TypeError(`Huawei Cloud makes no ${kind} here`);
  }
}

/** With its address and its disks, which are billed on their own. Errors: `cloud/busy`. */
export async function removeServer(client: HuaweiClient, id: string, context: Context): Promise<void> {
  const what = `remove the instance ${id}`;
  if ((await showServer(client, id, context)) === undefined) return;
  const body = { servers: [{ id }], delete_publicip: true, delete_volume: true };
  await ignoreMissing(async () => {
    const call = { what, body, isRepeatable: true };
    const { job_id } = await client.call<{ job_id: string }>("ecs.DeleteServers", call, context);
    try {
      await waitForJob(client, { service: "ecs", id: job_id, what, mostMs: mostRemovalMs }, context);
    } catch (error) {
      // Something else, such as its own end, may have been faster.
      if ((await showServer(client, id, context)) === undefined) return;
      if (!(error instanceof JobFailure)) throw error;
      throw new CloudimgError(
        error.problems.map((problem) => ({ ...problem, code: "cloud/busy" }) as const),
        { cause: error },
      );
    }
  });
}
