import { isoSeconds } from "../clock.ts";
import { type Action, isMatch, objectsOf, pageOf, ServiceError, tagsOf, textOf, textsOf } from "./action.ts";
import { removeFrom } from "./world.ts";

export const keyActions: Readonly<Record<string, Action>> = {
  ImportKeyPair: {
    required: ["KeyName", "ProjectId", "PublicKey"],
    optional: ["TagSpecification"],
    run(input, world, region) {
      const name = textOf(input, "KeyName");
      const publicKey = textOf(input, "PublicKey");
      if (name.length > 25)
        throw new ServiceError("InvalidKeyPairNameTooLong", "The name has more than 25 characters.");
      if (!/^\w+$/.test(name)) throw new ServiceError("InvalidKeyPairNameIncludeIllegalChar", "The name is not valid.");
      // Of the kinds of keys that OpenSSH knows it takes one.
      if (!/^ssh-rsa AAAA[\w+/=]+/.test(publicKey))
        throw new ServiceError("InvalidPublicKey.Malformed", "The public key is malformed.");
      const pairs = world.keyPairs.filter((pair) => pair.region === region);
      if (pairs.some((pair) => pair.name === name))
        throw new ServiceError("InvalidKeyPairName.Duplicate", `The key name \`${name}\` already exists.`);
      if (pairs.some((pair) => pair.publicKey === publicKey))
        throw new ServiceError("InvalidPublicKey.Duplicate", "The public key already exists.");
      const id = world.nextId("skey");
      const tags = tagsOf(input, "keypair");
      world.keyPairs.push({ id, region, name, publicKey, tags, createdMs: world.clock.now() });
      return { KeyId: id };
    },
  },

  DescribeKeyPairs: {
    optional: ["KeyIds", "Filters", "Offset", "Limit"],
    run(input, world, region) {
      const ids = textsOf(input, "KeyIds");
      const pairs = world.keyPairs.filter(
        (pair) =>
          pair.region === region &&
          (ids.length === 0 || ids.includes(pair.id)) &&
          isMatch(objectsOf(input, "Filters"), { "key-name": [pair.name] }, pair.tags),
      );
      const { page, total } = pageOf(input, pairs);
      const KeyPairSet = page.map(({ id, name, publicKey, tags, createdMs }) => ({
        KeyId: id,
        KeyName: name,
        ProjectId: 0,
        PublicKey: publicKey,
        CreatedTime: isoSeconds(createdMs),
        AssociatedInstanceIds: world.instances.filter(({ keyIds }) => keyIds.includes(id)).map((one) => one.id),
        Tags: tags,
      }));
      return { KeyPairSet, TotalCount: total };
    },
  },

  DeleteKeyPairs: {
    required: ["KeyIds"],
    run(input, world, region) {
      for (const id of textsOf(input, "KeyIds")) {
        const pair = world.keyPairs.find((pair) => pair.id === id && pair.region === region);
        if (pair === undefined)
          throw new ServiceError("InvalidKeyPairId.NotFound", `The key pair \`${id}\` does not exist.`);
        removeFrom(world.keyPairs, pair);
      }
      return {};
    },
  },
};
