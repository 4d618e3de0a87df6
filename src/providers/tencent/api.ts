import type { Client as Cam } from "tencentcloud-sdk-nodejs/tencentcloud/services/cam/v20190116/cam_client.js";
import type { Client as Cvm } from "tencentcloud-sdk-nodejs/tencentcloud/services/cvm/v20170312/cvm_client.js";
import type { Client as Sts } from "tencentcloud-sdk-nodejs/tencentcloud/services/sts/v20180813/sts_client.js";
import type { Client as Tag } from "tencentcloud-sdk-nodejs/tencentcloud/services/tag/v20180813/tag_client.js";
import type { Client as Vpc } from "tencentcloud-sdk-nodejs/tencentcloud/services/vpc/v20170312/vpc_client.js";
import type { Context } from "../../core/context.ts";
import type { Connection } from "../connection.ts";
import type { Credentials } from "../credentials.ts";
import { httpAgent } from "../direct-connection.ts";
import { isPassing, vendorError } from "./vendor-error.ts";

interface Clients {
  readonly cvm: Cvm;
  readonly vpc: Vpc;
  readonly sts: Sts;
  readonly cam: Cam;
  readonly tag: Tag;
}

type RequestOf<Client, Action extends keyof Client> = Client[Action] extends (
  request: infer Request,
  ...rest: never[]
) => unknown
  ? Request
  : never;
type AnswerOf<Client, Action extends keyof Client> = Client[Action] extends (...all: never[]) => Promise<infer Answer>
  ? Answer
  : never;

export interface CallOptions {
  /** For errors: "import the image". */
  readonly what: string;
  readonly context: Context;
  /** Default: the API's own. */
  readonly region?: string | undefined;
  /** It makes something, and has no token to be recognised by: a request whose answer was lost is not sent again. */
  readonly once?: boolean | undefined;
}

/**
 * Calls one action of API 3.0 through the vendor's SDK, which never tries twice: what passes (throttling, faults of the network and of the service) is tried
 * again here. Errors: what Tencent says, as `cloud/…`.
 */
export type Api = <Service extends keyof Clients, Action extends keyof Clients[Service] & string>(
  service: Service,
  action: Action,
  request: RequestOf<Clients[Service], Action>,
  options: CallOptions,
) => Promise<AnswerOf<Clients[Service], Action>>;

const attempts = 6;
const firstDelayMs = 500;

export function makeApi(credentials: Credentials, connection: Connection, ownRegion: string): Api {
  const agent = httpAgent(connection);
  const clients = new Map<string, Promise<Clients[keyof Clients]>>();
  const clientOf = (service: keyof Clients, region: string) => {
    const key = `${service} ${region}`;
    const made =
      clients.get(key) ?? makeClient(service, clientConfig(credentials, agent, region, hostOf(service, region)));
    clients.set(key, made);
    return made;
  };
  return async (service, action, request, { what, context, region = ownRegion, once = false }) => {
    const { signal } = context;
    const client = await clientOf(service, region);
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        // What the methods of that name do, which do not pass the signal on.
        return await client.request(action, request, { signal });
      } catch (error) {
        signal.throwIfAborted();
        const isOurs = !isPassing(error) && !("traceId" in (error as object));
        if (isOurs) throw error;
        const said = vendorError(action, what, error);
        if (!isPassing(error) || attempt === attempts || (once && !isRefusal(error))) throw said;
        const delayMs = firstDelayMs * 2 ** (attempt - 1);
        context.emit({ type: "log", level: "debug", message: `${said.message}; again in ${delayMs} ms` });
        await connection.sleep(delayMs, signal);
      }
    }
  };
}

/** The service has answered that it did nothing. */
function isRefusal(error: unknown): boolean {
  const { code, httpCode } = error as { readonly code?: string; readonly httpCode?: number };
  return httpCode === 429 || (code?.startsWith("RequestLimitExceeded") ?? false);
}

/** Financial regions are apart: they answer at hosts of their own only ("Service endpoints" of each API's document). CAM knows no regions. */
export function hostOf(service: keyof Clients, region: string): string {
  const label = region.endsWith("-fsi") && service !== "cam" ? `${service}.${region}` : service;
  return `${label}.tencentcloudapi.com`;
}

function clientConfig(credentials: Credentials, agent: ReturnType<typeof httpAgent>, region: string, endpoint: string) {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return {
    credential: {
      secretId: accessKeyId,
      secretKey: secretAccessKey,
      ...(sessionToken === undefined ? {} : { token: sessionToken }),
    },
    region,
    profile: { language: "en-US" as const, httpProfile: { endpoint, reqTimeout: 60, agent } },
  };
}

/** By sub-path: the whole SDK takes nearly a second to load, one service 150 ms. */
async function makeClient(service: keyof Clients, config: ReturnType<typeof clientConfig>) {
  const sdk = {
    cvm: () => import("tencentcloud-sdk-nodejs/tencentcloud/services/cvm/v20170312/cvm_client.js"),
    vpc: () => import("tencentcloud-sdk-nodejs/tencentcloud/services/vpc/v20170312/vpc_client.js"),
    sts: () => import("tencentcloud-sdk-nodejs/tencentcloud/services/sts/v20180813/sts_client.js"),
    cam: () => import("tencentcloud-sdk-nodejs/tencentcloud/services/cam/v20190116/cam_client.js"),
    tag: () => import("tencentcloud-sdk-nodejs/tencentcloud/services/tag/v20180813/tag_client.js"),
  };
  const { Client } = await sdk[service]();
  return new Client(config);
}
