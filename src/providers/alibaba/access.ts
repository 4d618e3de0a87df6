import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import type { InstanceRequest, Resource } from "../cloud.ts";
import { onceKnown } from "../fresh.ts";
import type { EcsApi } from "./api.ts";
import { clientToken, toTags } from "./values.ts";
import { vendorCodeOf } from "./vendor-error.ts";

type Made = (resource: Resource) => Promise<void>;

/** A security group that lets in what the request names, and nothing else. */
export async function makeSecurityGroup(
  api: EcsApi,
  request: InstanceRequest,
  vpcId: string,
  made: Made,
  context: Context,
): Promise<string> {
  const { name, openPorts, tags, token } = request;
  const regionId = api.region;
  const wanted = { regionId, vpcId, securityGroupName: name, tag: toTags(tags) };
  const known = await api.call("DescribeSecurityGroups", wanted, `look for security group ${name}`, context);
  const id =
    known.securityGroups?.securityGroup?.[0]?.securityGroupId ??
    (
      await api.call(
        "CreateSecurityGroup",
        { ...wanted, description: "made by cloudimg", clientToken: clientToken("security group", token, vpcId) },
        `make security group ${name}`,
        context,
      )
    ).securityGroupId ??
    fail("cloud/refused", "cannot make a security group: the answer has no id");
  await made({ kind: "security-group", id, region: regionId, name });
  // A rule that is there already is no error.
  const permissions = openPorts.map((port) => ({
    ipProtocol: "TCP",
    portRange: `${port}/${port}`,
    sourceCidrIp: "0.0.0.0/0",
    policy: "accept",
  }));
  if (permissions.length > 0) {
    const fields = { regionId, securityGroupId: id, permissions };
    const what = `open ports of security group ${name}`;
    await onceKnown(api.connection, context, () => api.call("AuthorizeSecurityGroup", fields, what, context));
  }
  return id;
}

/** Errors: `cloud/name-taken` if a key pair of that name has another key. */
export async function importKeyPair(
  api: EcsApi,
  request: InstanceRequest,
  made: Made,
  context: Context,
): Promise<string> {
  const { name, publicKeyLine, tags } = request;
  const regionId = api.region;
  const resource: Resource = { kind: "key-pair", id: name, region: regionId, name };
  try {
    const fields = { regionId, keyPairName: name, publicKeyBody: publicKeyLine, tag: toTags(tags) };
    await api.call("ImportKeyPair", fields, `import key pair ${name}`, context);
  } catch (error) {
    // An earlier try has made it, or this one whose answer was lost.
    if (vendorCodeOf(error) !== "KeyPair.AlreadyExist") throw error;
    const fields = { regionId, keyPairName: name, includePublicKey: true };
    const answer = await api.call("DescribeKeyPairs", fields, `look for key pair ${name}`, context);
    const [pair] = answer.keyPairs?.keyPair ?? [];
    if (keyOf(pair?.publicKey) !== keyOf(publicKeyLine)) throw error;
  }
  await made(resource);
  return name;
}

/** Without its type's name and its comment. */
function keyOf(line: string | undefined): string | undefined {
  return line?.trim().split(/\s+/)[1];
}
