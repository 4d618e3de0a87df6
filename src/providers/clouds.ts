import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import type { Cloud, CloudName } from "./cloud.ts";
import type { Connection } from "./connection.ts";
import type { Credentials } from "./credentials.ts";
import type { ObjectStore } from "./object-store.ts";

/** What one has to know to use a cloud. */
export interface CloudPlace {
  readonly credentials: Credentials;
  readonly connection: Connection;
  readonly region: string;
  /** Empty where none is used: to launch, list and terminate. */
  readonly bucket: string;
  /** What the image is going to be called: `check` then says whether the name is free. */
  readonly imageName?: string | undefined;
  /** Alibaba's RAM role, Huawei's IAM agency. */
  readonly role?: string | undefined;
}

export interface OpenedCloud {
  readonly cloud: Cloud;
  readonly store: ObjectStore;
  /** The id of the account, which is no secret; at Huawei of its project in the region. Undefined: it is not told. Errors: `cloud/…`. */
  readonly account: (context: Context) => Promise<string | undefined>;
}

interface CloudEntry {
  /** As people call it. */
  readonly title: string;
  /** Environment variables that name the region, the vendor's own first. */
  readonly regionVariables: readonly string[];
  /** For examples, and for rehearsals without a region. */
  readonly exampleRegion: string;
  /** Errors: `cloud/no-credentials`. */
  credentials(environment: Readonly<Record<string, string | undefined>>): Promise<Credentials>;
  open(place: CloudPlace): Promise<OpenedCloud>;
}

/** The registry of the seams Cloud and ObjectStore. Each is loaded when it is used. */
export const clouds: Readonly<Record<CloudName, CloudEntry>> = {
  tencent: {
    title: "Tencent Cloud",
    regionVariables: ["TENCENTCLOUD_REGION"],
    exampleRegion: "ap-guangzhou",
    credentials: async (environment) => (await import("./tencent/credentials.ts")).tencentCredentials(environment),
    async open(place) {
      const { tencentCloud } = await import("./tencent/cloud.ts");
      const { tencentAccount } = await import("./tencent/account.ts");
      const account = (context: Context) => tencentAccount(place, context);
      return { cloud: tencentCloud(place), store: await storeOf("tencent", place), account };
    },
  },
  alibaba: {
    title: "Alibaba Cloud",
    regionVariables: ["ALIBABA_CLOUD_REGION", "ALICLOUD_REGION"],
    exampleRegion: "cn-hangzhou",
    credentials: async (environment) => (await import("./alibaba/credentials.ts")).alibabaCredentials(environment),
    async open(place) {
      const { alibabaCloud } = await import("./alibaba/cloud.ts");
      const { alibabaAccount } = await import("./alibaba/account.ts");
      const account = (context: Context) => alibabaAccount(place, context);
      const store = await storeOf("alibaba", place);
      const { bucket, role, ...others } = place;
      const named = bucket === "" ? {} : { bucket, store };
      return { cloud: alibabaCloud({ ...others, ...named, roleName: role }), store, account };
    },
  },
  huawei: {
    title: "Huawei Cloud",
    regionVariables: ["HUAWEICLOUD_SDK_REGION", "HW_REGION_NAME"],
    exampleRegion: "cn-north-4",
    credentials: async (environment) => (await import("./huawei/credentials.ts")).huaweiCredentials(environment),
    async open(place) {
      const { huaweiCloud } = await import("./huawei/cloud.ts");
      const { makeClient } = await import("./huawei/client.ts");
      const account = (context: Context) => makeClient(place).projectId(context);
      const store = await storeOf("huawei", place);
      const { role, imageName: _, ...others } = place;
      return { cloud: huaweiCloud({ ...others, agency: role, ...(place.bucket !== "" && { store }) }), store, account };
    },
  },
};

async function storeOf(name: CloudName, { credentials, connection, region }: CloudPlace): Promise<ObjectStore> {
  const { s3Store } = await import("./s3-store.ts");
  const { storeDialects } = await import("./dialects.ts");
  return s3Store(storeDialects[name], credentials, connection, { region });
}

/**
 * The region to use: the one that was asked for, else that of the environment or of the credentials' file.
 *
 * Errors: `usage/arguments`
 */
export function regionOf(
  name: CloudName,
  asked: string | undefined,
  credentials: Credentials,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const { title, regionVariables, exampleRegion } = clouds[name];
  const named = regionVariables.map((variable) => environment[variable]).find((value) => value);
  const region = asked ?? named ?? credentials.region;
  if (region !== undefined && region !== "") return region;
  fail("usage/arguments", `cannot use ${title}: no region is named`, {
    hint: `add --region ${exampleRegion}, or provider.${name}.region to the profile, or set ${regionVariables[0]}`,
  });
}
