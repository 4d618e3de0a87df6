import type { Context } from "../../core/context.ts";
import type { Connection } from "../connection.ts";
import type { Credentials } from "../credentials.ts";
import { makeApi } from "./api.ts";

/** The id of the account that credentials are of, temporary ones too (STS 2018-08-13, document 1312/48110). */
export async function tencentAccount(
  { credentials, connection, region }: { credentials: Credentials; connection: Connection; region: string },
  context: Context,
): Promise<string | undefined> {
  const api = makeApi(credentials, connection, region);
  return (await api("sts", "GetCallerIdentity", null, { what: "ask whose account this is", context })).AccountId;
}
