import { isoSeconds } from "../clock.ts";
import {
  type Action,
  type Input,
  isMatch,
  objectOf,
  objectsOf,
  pageOf,
  ServiceError,
  textOf,
  textsOf,
} from "./action.ts";
import type { SecurityGroupRecord, SubnetRecord, TagRecord } from "./records.ts";
import { removeFrom, type TencentWorld } from "./world.ts";

export const networkActions: Readonly<Record<string, Action>> = {
  DescribeSubnets: {
    optional: ["SubnetIds", "Filters", "Offset", "Limit", "MaxResults", "NextToken"],
    run(input, world, region) {
      const subnets = world.subnets.filter(
        (subnet) =>
          subnet.region === region &&
          isMatch(objectsOf(input, "Filters"), { zone: [subnet.zone], "is-default": ["true"] }, []),
      );
      const { page, total } = pageOf(input, subnets);
      const SubnetSet = page.map(({ id, vpcId, zone }) => {
        return { SubnetId: id, VpcId: vpcId, Zone: zone, IsDefault: true, CidrBlock: "172.16.0.0/20" };
      });
      return { SubnetSet, TotalCount: total };
    },
  },

  CreateDefaultVpc: {
    optional: ["Zone", "Force"],
    run(input, world, region) {
      const zone = textOf(input, "Zone");
      const isKnown = world.stock.get(region)?.some((item) => item.zone === zone) ?? false;
      if (!isKnown) throw new ServiceError("ResourceNotFound", `The zone \`${zone}\` is not found.`);
      const subnet = world.subnets.find((subnet) => subnet.zone === zone) ?? makeSubnet(world, region, zone);
      return { Vpc: { VpcId: subnet.vpcId, SubnetId: subnet.id, CidrBlock: "172.16.0.0/16" } };
    },
  },

  CreateSecurityGroupWithPolicies: {
    required: ["GroupName", "GroupDescription"],
    optional: ["ProjectId", "SecurityGroupPolicySet", "Tags"],
    run(input, world, region) {
      const name = textOf(input, "GroupName");
      const description = textOf(input, "GroupDescription");
      if (name.length > 60 || description.length > 100)
        throw new ServiceError("InvalidParameterValue.TooLong", "The name or the description is too long.");
      const policies = objectOf(input, "SecurityGroupPolicySet");
      const group: SecurityGroupRecord = {
        id: world.nextId("sg"),
        region,
        name,
        description,
        createdMs: world.clock.now(),
        tags: objectsOf(input, "Tags") as unknown as TagRecord[],
        ingress: objectsOf(policies, "Ingress"),
        egress: objectsOf(policies, "Egress"),
      };
      world.securityGroups.push(group);
      return { SecurityGroup: described(group) };
    },
  },

  DescribeSecurityGroups: {
    optional: ["SecurityGroupIds", "Filters", "Offset", "Limit", "OrderField", "OrderDirection"],
    run(input, world, region) {
      const ids = textsOf(input, "SecurityGroupIds");
      const groups = world.securityGroups.filter(
        (group) =>
          group.region === region &&
          (ids.length === 0 || ids.includes(group.id)) &&
          isMatch(objectsOf(input, "Filters"), { "security-group-name": [group.name] }, group.tags, [
            "security-group-name",
          ]),
      );
      const { page, total } = pageOf(input, groups);
      return { SecurityGroupSet: page.map(described), TotalCount: total };
    },
  },

  DeleteSecurityGroup: {
    required: ["SecurityGroupId"],
    run(input, world, region) {
      const id = textOf(input, "SecurityGroupId");
      const group = world.securityGroups.find((group) => group.id === id && group.region === region);
      if (group === undefined)
        throw new ServiceError("ResourceNotFound", `The security group \`${id}\` does not exist.`);
      if (world.instances.some(({ securityGroupIds }) => securityGroupIds.includes(id)))
        throw new ServiceError("ResourceInUse", `The security group \`${id}\` is in use.`);
      removeFrom(world.securityGroups, group);
      return {};
    },
  },

  ReleaseAddresses: {
    required: ["AddressIds"],
    run(input) {
      const [id] = textsOf(input, "AddressIds");
      throw new ServiceError("InvalidAddressId.NotFound", `The address \`${id}\` does not exist.`);
    },
  },
};

function makeSubnet(world: TencentWorld, region: string, zone: string): SubnetRecord {
  const vpcId = world.subnets.find((subnet) => subnet.region === region)?.vpcId ?? world.nextId("vpc");
  const subnet = { id: world.nextId("subnet"), vpcId, region, zone };
  world.subnets.push(subnet);
  return subnet;
}

function described({ id, name, description, createdMs, tags }: SecurityGroupRecord): Input {
  return {
    SecurityGroupId: id,
    SecurityGroupName: name,
    SecurityGroupDesc: description,
    ProjectId: "0",
    IsDefault: false,
    CreatedTime: isoSeconds(createdMs),
    TagSet: tags,
  };
}
