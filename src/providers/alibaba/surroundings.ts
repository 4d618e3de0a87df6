import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import type { InstanceRequest, Resource } from "../cloud.ts";
import type { EcsApi } from "./api.ts";
import { clientToken } from "./values.ts";

/** How the description of a network says which run has made it. */
const mark = "cloudimg:run=";
const runMark = (run: string) => `${mark}${run}`;

/** Undefined: it is none of ours. */
export function markedRun(description: string | undefined): string | undefined {
  return description?.startsWith(mark) ? description.slice(mark.length) : undefined;
}

type Made = (resource: Resource) => Promise<void>;

/**
 * The default one of the zone, else one in a network of our own: the account's other networks are not ours to use, and who knows where their routes lead. An account that
 * has never used the region has none.
 */
export async function findSubnet(
  api: EcsApi,
  request: InstanceRequest,
  zone: string,
  made: Made,
  context: Context,
): Promise<{ readonly vSwitchId: string; readonly vpcId: string }> {
  const regionId = api.region;
  const fields = { regionId, zoneId: zone, pageSize: 50 };
  const answer = await api.call("DescribeVSwitches", fields, `look for a subnet in ${zone}`, context);
  const [free] = (answer.vSwitches?.vSwitch ?? [])
    .filter(({ status, availableIpAddressCount = 0 }) => status === "Available" && availableIpAddressCount > 0)
    .filter(
      ({ isDefault, description }) => isDefault === true || markedRun(description) === request.tags["cloudimg:run"],
    );
  if (free?.vSwitchId !== undefined && free.vpcId !== undefined) {
    const { vSwitchId, vpcId, isDefault } = free;
    if (isDefault !== true) {
      await made({ kind: "network", id: vpcId, region: regionId, name: request.name });
      await made({ kind: "subnet", id: vSwitchId, region: regionId, name: request.name });
    }
    return { vSwitchId, vpcId };
  }
  return await makeSubnet(api, request, zone, made, context);
}

/** In the run's network, which is made once, whichever zones are tried: an account may have ten. */
async function makeSubnet(api: EcsApi, request: InstanceRequest, zone: string, made: Made, context: Context) {
  const { name, token } = request;
  const regionId = api.region;
  // Neither has tags in this API.
  const description = runMark(request.tags["cloudimg:run"]);
  const vpcId = await runNetwork(api, request, description, context);
  await made({ kind: "network", id: vpcId, region: regionId, name });
  await untilAvailable(api, context, async () => {
    const answer = await api.call("DescribeVpcs", { regionId, vpcId }, `look for network ${vpcId}`, context);
    return answer.vpcs?.vpc?.[0]?.status;
  });
  const others = await api.call("DescribeVSwitches", { regionId, vpcId, pageSize: 50 }, `look into ${vpcId}`, context);
  const taken = new Set((others.vSwitches?.vSwitch ?? []).map(({ cidrBlock }) => cidrBlock));
  const ranges = Array.from({ length: 256 }, (_, third) => `192.168.${third}.0/24`);
  const subnet = await api.call(
    "CreateVSwitch",
    {
      regionId,
      vpcId,
      zoneId: zone,
      cidrBlock: ranges.find((range) => !taken.has(range)),
      vSwitchName: name,
      description,
      clientToken: clientToken("subnet", token, zone),
    },
    "make a subnet",
    context,
  );
  const vSwitchId = subnet.vSwitchId ?? fail("cloud/refused", "cannot make a subnet: the answer has no id");
  await made({ kind: "subnet", id: vSwitchId, region: regionId, name });
  await untilAvailable(api, context, async () => {
    const answer = await api.call("DescribeVSwitches", { regionId, vSwitchId }, `look for ${vSwitchId}`, context);
    return answer.vSwitches?.vSwitch?.[0]?.status;
  });
  return { vSwitchId, vpcId };
}

async function runNetwork(
  api: EcsApi,
  { name, token }: InstanceRequest,
  description: string,
  context: Context,
): Promise<string> {
  const regionId = api.region;
  const known = await api.call("DescribeVpcs", { regionId, pageSize: 50 }, "look for the run's network", context);
  const own = (known.vpcs?.vpc ?? []).find((vpc) => vpc.description === description)?.vpcId;
  if (own !== undefined) return own;
  const network = await api.call(
    "CreateVpc",
    { regionId, vpcName: name, description, cidrBlock: "192.168.0.0/16", clientToken: clientToken("network", token) },
    "make a network",
    context,
  );
  return network.vpcId ?? fail("cloud/refused", "cannot make a network: the answer has no id");
}

/** A few seconds, as a rule. If it takes longer, the next call says why. */
async function untilAvailable(api: EcsApi, context: Context, ask: () => Promise<string | undefined>): Promise<void> {
  for (let tries = 0; tries < 20 && (await ask()) !== "Available"; tries++) {
    await api.connection.sleep(2000, context.signal);
  }
}
