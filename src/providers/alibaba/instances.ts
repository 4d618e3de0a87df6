import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import type { InstanceRequest, InstanceService, InstanceState, Offer, Resource } from "../cloud.ts";
import { onceKnown } from "../fresh.ts";
import { importKeyPair, makeSecurityGroup } from "./access.ts";
import type { EcsApi } from "./api.ts";
import { takeEvidence } from "./evidence.ts";
import { findInstances } from "./instance-state.ts";
import { findOffers } from "./offers.ts";
import { findResources, removeResource } from "./resources.ts";
import { runFields } from "./run-fields.ts";
import { findSubnet } from "./surroundings.ts";

export function instanceService(api: EcsApi): InstanceService {
  return {
    offers: (request, context) => findOffers(api, request, context),
    launch: (request, offer, made, context) => launch(api, request, offer, made, context),
    find: (wanted, context) => findInstances(api, wanted, context),
    evidence: (id, context, wish) => takeEvidence(api, id, wish ?? {}, context),
    resources: (wanted, context) => findResources(api, wanted, context),
    remove: (resource, context) => removeResource(api, resource, context),
  };
}

async function launch(
  api: EcsApi,
  request: InstanceRequest,
  offer: Offer,
  made: (resource: Resource) => Promise<void>,
  context: Context,
): Promise<InstanceState> {
  const { name } = request;
  const { vSwitchId, vpcId } = await findSubnet(api, request, offer.zone, made, context);
  const securityGroupId = await makeSecurityGroup(api, request, vpcId, made, context);
  const keyPairName = await importKeyPair(api, request, made, context);
  const fields = runFields(request, offer, api.region, { vSwitchId, securityGroupId, keyPairName });
  const what = `launch ${name} as ${offer.instanceType}`;
  const answer = await onceKnown(api.connection, context, () => api.call("RunInstances", fields, what, context));
  const [id] = answer.instanceIdSets?.instanceIdSet ?? [];
  if (id === undefined) fail("cloud/refused", `cannot launch ${name}: the answer names no instance`);
  await made({ kind: "instance", id, region: api.region, name });
  return { id, state: "pending", publicAddresses: [], privateAddresses: [], tags: request.tags };
}
