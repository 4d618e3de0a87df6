import type { Context } from "../../core/context.ts";
import type { Connection } from "../connection.ts";
import type { Credentials } from "../credentials.ts";
import { httpAgent } from "../direct-connection.ts";
import { failure } from "./api.ts";
import { loadClient } from "./client.ts";

const host = "sts.aliyuncs.com";

/**
 * The id of the account that credentials are of, temporary ones too: STS 2015-04-01, `GetCallerIdentity`, which needs no permission. Asked once: whoever wants to know asks again.
 *
 * Errors: `cloud/…`
 */
export async function alibabaAccount(
  { credentials, connection, region }: { credentials: Credentials; connection: Connection; region: string },
  { signal }: Context,
): Promise<string | undefined> {
  const { $OpenApiUtil } = await import("@alicloud/openapi-core");
  const agent = httpAgent(connection);
  const { client } = await loadClient({ region, credentials, agent, now: () => connection.now(), signal });
  client._endpoint = host;
  const params = new $OpenApiUtil.Params({
    ...{ action: "GetCallerIdentity", version: "2015-04-01", protocol: "HTTPS", pathname: "/", method: "POST" },
    ...{ authType: "AK", style: "RPC", reqBodyType: "formData", bodyType: "json" },
  });
  try {
    const { body } = await client.callApi(params, new $OpenApiUtil.OpenApiRequest({}));
    return typeof body["AccountId"] === "string" ? body["AccountId"] : undefined;
  } catch (error) {
    signal.throwIfAborted();
    throw failure(error, "ask whose account this is", host, credentials);
  } finally {
    agent.destroy();
  }
}
