import type { Context } from "../core/context.ts";
import type { Cloud, CloudName } from "../providers/cloud.ts";
import { clouds, type OpenedCloud, regionOf } from "../providers/clouds.ts";
import type { Connection } from "../providers/connection.ts";
import type { Credentials } from "../providers/credentials.ts";
import { connectionOf } from "../providers/led-connection.ts";
import type { ObjectStore } from "../providers/object-store.ts";

/** What a verb is told of a cloud, by its options or the profile. */
export interface CloudWish {
  readonly region?: string | undefined;
  readonly bucket?: string | undefined;
  readonly imageName?: string | undefined;
  /** Alibaba's RAM role, Huawei's IAM agency. */
  readonly role?: string | undefined;
}

/** A cloud in somebody's hands. */
export interface CloudSession {
  readonly name: CloudName;
  readonly title: string;
  readonly cloud: Cloud;
  readonly store: ObjectStore;
  readonly account: OpenedCloud["account"];
  readonly connection: Connection;
  readonly region: string;
  /** Empty if none was named. */
  readonly bucket: string;
}

/** Who one is there, and how one gets there: a rehearsal brings others. */
export interface CloudAccess {
  readonly connection: Connection;
  readonly credentials: Credentials;
}

/**
 * Opens a cloud with the credentials that its own tools would use. Nothing is sent yet.
 *
 * Errors: `cloud/no-credentials`, `usage/arguments`
 */
export async function openCloud(
  name: CloudName,
  wish: CloudWish,
  context: Pick<Context, "environment">,
  access?: CloudAccess,
): Promise<CloudSession> {
  const { title, credentials: find, open } = clouds[name];
  const credentials = access?.credentials ?? (await find(context.environment));
  const connection = access?.connection ?? connectionOf(context.environment);
  const region = regionOf(name, wish.region, credentials, context.environment);
  const { bucket = "", imageName, role } = wish;
  const opened = await open({ credentials, connection, region, bucket, imageName, role });
  return { ...opened, name, title, connection, region, bucket };
}
