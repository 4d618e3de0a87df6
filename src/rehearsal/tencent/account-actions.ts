import { type Action, objectsOf, textsOf } from "./action.ts";
import type { TagRecord } from "./records.ts";

export const stsActions: Readonly<Record<string, Action>> = {
  GetCallerIdentity: {
    run: (_, { account }) => ({
      Arn: `qcs::cam::uin/${account.accountId}:uin/${account.accountId}`,
      AccountId: account.accountId,
      UserId: account.accountId,
      PrincipalId: account.accountId,
      Type: "CAMUser",
    }),
  },
};

export const camActions: Readonly<Record<string, Action>> = {
  GetUserAppId: {
    run: (_, { account }) => ({
      Uin: account.accountId,
      OwnerUin: account.accountId,
      AppId: Number(account.appId),
    }),
  },
};

export const tagActions: Readonly<Record<string, Action>> = {
  TagResources: {
    required: ["ResourceList", "Tags"],
    run(input, world) {
      const tags = objectsOf(input, "Tags").map(
        ({ TagKey, TagValue }): TagRecord => ({ Key: String(TagKey), Value: String(TagValue) }),
      );
      const FailedResources = [];
      for (const Resource of textsOf(input, "ResourceList")) {
        const [, region, uin, id] = /^qcs::cvm:([^:]+):uin\/(\d+):image\/(.+)$/.exec(Resource) ?? [];
        const image = world.images.find((image) => image.region === region && image.id === id);
        if (image === undefined || uin !== world.account.accountId)
          FailedResources.push({ Resource, Code: "ResourceNotFound", Message: "The resource is not found." });
        else image.tags = [...image.tags.filter(({ Key }) => !tags.some((tag) => tag.Key === Key)), ...tags];
      }
      return { FailedResources };
    },
  },
};
