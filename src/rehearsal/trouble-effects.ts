import type { CloudName } from "../providers/cloud.ts";
import { type Credentials, conceal } from "../providers/credentials.ts";
import { type Account, type KeyRing, makeAccount, temporaryKey } from "./accounts.ts";
import type { ImportFacts } from "./import-facts.ts";
import type { BucketSettings } from "./object-store/store-state.ts";
import type { Trouble } from "./troubles.ts";

type Troubles = ReadonlySet<Trouble>;

const otherRegions: Readonly<Record<CloudName, readonly [string, string]>> = {
  tencent: ["ap-shanghai", "ap-guangzhou"],
  alibaba: ["cn-beijing", "cn-hangzhou"],
  huawei: ["cn-east-3", "cn-north-4"],
};

/** Whose bucket that could be: at Tencent its name tells. */
export function accountFor(cloud: CloudName, bucket: string | undefined, seed: string | undefined): Account {
  const account = makeAccount(cloud, seed);
  const appId = cloud === "tencent" ? /-(\d{6,12})$/.exec(bucket ?? "")?.[1] : undefined;
  return appId === undefined ? account : { ...account, appId };
}

export function bucketsFor(
  cloud: CloudName,
  { bucket, region, owner }: { readonly bucket: string; readonly region: string; readonly owner: string },
  troubles: Troubles,
): BucketSettings[] {
  if (troubles.has("no-bucket")) return [];
  const [other, another] = otherRegions[cloud];
  return [
    {
      name: bucket,
      region: !troubles.has("other-region") ? region : other === region ? another : other,
      storageClass: troubles.has("archive-bucket") ? "ARCHIVE" : "STANDARD",
      acl: "private",
      account: owner,
    },
  ];
}

/** What a user has who has copied a key wrongly, or whose temporary keys have expired. */
export function credentialsInTrouble(
  credentials: Credentials,
  { cloud, accountId }: Account,
  keys: KeyRing,
  nowMs: number,
  troubles: Troubles,
): Credentials {
  if (troubles.has("wrong-key"))
    return conceal({ ...credentials, secretAccessKey: `${credentials.secretAccessKey.slice(1)}x` });
  if (!troubles.has("expired-token")) return conceal(credentials);
  const key = temporaryKey(cloud, nowMs - 60_000, `${accountId} expired`);
  keys.add(key);
  const { accessKeyId, secret: secretAccessKey, sessionToken } = key;
  return conceal({ ...credentials, accessKeyId, secretAccessKey, sessionToken });
}

/** As if the file were one that no cloud can use. */
export function factsInTrouble(facts: ImportFacts, troubles: Troubles): ImportFacts {
  if (!troubles.has("import-fails")) return facts;
  return {
    ...facts,
    table: undefined,
    bootsBy: [],
    hasRoot: false,
    hasVirtio: false,
    damage: "as the rehearsal was told",
  };
}
