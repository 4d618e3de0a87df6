import type { Agent } from "node:https";
import { stringify } from "node:querystring";
import type { $OpenApiUtil } from "@alicloud/openapi-core";
import type { Credentials } from "../credentials.ts";
import { send } from "./transport.ts";
import { EcsError } from "./vendor-error.ts";

/** Takes a second: its models are thousands of files. */
const loadSdk = () => import("@alicloud/ecs20140526");
type Sdk = Awaited<ReturnType<typeof loadSdk>>;
export type EcsClient = InstanceType<Sdk["default"]["default"]>;

export interface ClientOptions {
  readonly region: string;
  readonly credentials: Credentials;
  readonly agent: Agent;
  /** Milliseconds since 1970. */
  now(): number;
  readonly signal: AbortSignal;
}

/** Any action of any service, at the client's endpoint. */
interface Caller {
  callApi(
    params: $OpenApiUtil.Params,
    request: $OpenApiUtil.OpenApiRequest,
  ): Promise<{ readonly body: Record<string, unknown> }>;
}

const algorithm = "ACS3-HMAC-SHA256";

/**
 * The vendor's client: it knows the endpoints, turns requests into parameters and signs them. Its own transport can neither be told where a host is nor be
 * stopped, and waits for three seconds only, so the bytes are carried by ours.
 */
export async function loadClient(
  options: ClientOptions,
): Promise<{ readonly sdk: Sdk; readonly client: EcsClient & Caller }> {
  const [sdk, core] = await Promise.all([loadSdk(), import("@alicloud/openapi-core")]);
  const { OpenApiUtil, $OpenApiUtil } = core;
  const { credentials, agent, signal } = options;

  // The package is CommonJS: its class is at `.default.default`, and at `.default` where a loader has smoothed that out (vitest does).
  const Ecs = (sdk.default.default ?? sdk.default) as Sdk["default"]["default"];

  class Client extends Ecs {
    override async callApi(params: $OpenApiUtil.Params, request: $OpenApiUtil.OpenApiRequest) {
      const host = this._endpoint;
      const { action = "", version = "", method = "POST", pathname = "/" } = params;
      const payloadHash = OpenApiUtil.hash(Buffer.alloc(0), algorithm).toString("hex");
      const headers: Record<string, string> = {
        host,
        accept: "application/json",
        "user-agent": OpenApiUtil.getUserAgent("cloudimg"),
        "x-acs-action": action,
        "x-acs-version": version,
        "x-acs-date": new Date(options.now()).toISOString().replace(/\.\d+Z$/, "Z"),
        "x-acs-signature-nonce": OpenApiUtil.getNonce(),
        "x-acs-content-sha256": payloadHash,
      };
      if (credentials.sessionToken !== undefined) {
        headers["x-acs-accesskey-id"] = credentials.accessKeyId;
        headers["x-acs-security-token"] = credentials.sessionToken;
      }
      const query = { ...request.query };
      // Its typings ask for a request of its own transport; its code reads these four.
      const signed = { method, pathname, query, headers } as Parameters<typeof OpenApiUtil.getAuthorization>[0];
      const { accessKeyId, secretAccessKey } = credentials;
      headers["authorization"] = OpenApiUtil.getAuthorization(
        signed,
        algorithm,
        payloadHash,
        accessKeyId,
        secretAccessKey,
      );
      const target = `${pathname}?${stringify(query).replaceAll("'", "%27")}`;
      const answer = await send({ host, method, target, headers }, agent, signal);
      const body = readAnswer(answer.status, answer.text);
      return { statusCode: answer.status, headers: answer.headers as Record<string, string>, body };
    }
  }
  return { sdk, client: new Client(new $OpenApiUtil.Config({ regionId: options.region })) };
}

/** Errors: EcsError. An answer that is no JSON comes from something on the way. */
function readAnswer(status: number, text: string): Record<string, unknown> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // Told below.
  }
  const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : undefined;
  if (status < 400 && fields !== undefined) return fields;
  const of = (name: string) => (typeof fields?.[name] === "string" ? (fields[name] as string) : undefined);
  throw new EcsError({
    status: fields === undefined ? Math.max(status, 500) : status,
    code: of("Code") ?? `HTTP ${status}`,
    message: of("Message") ?? "the answer is not the API's",
    requestId: of("RequestId"),
  });
}
