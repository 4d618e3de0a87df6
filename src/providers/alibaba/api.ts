import type { Agent } from "node:https";
import type { Context } from "../../core/context.ts";
import { CloudimgError, errnoOf } from "../../core/errors.ts";
import type { Connection } from "../connection.ts";
import type { Credentials } from "../credentials.ts";
import { type EcsClient, loadClient } from "./client.ts";
import { EcsError, explain, isPassing } from "./vendor-error.ts";

/** The actions of the API that we use, as `x-acs-action` names them. */
export type Action =
  | "AuthorizeSecurityGroup"
  | "CancelCopyImage"
  | "CancelTask"
  | "CopyImage"
  | "CreateSecurityGroup"
  | "CreateVSwitch"
  | "CreateVpc"
  | "DeleteImage"
  | "DeleteInstance"
  | "DeleteKeyPairs"
  | "DeleteSecurityGroup"
  | "DeleteSnapshot"
  | "DeleteVSwitch"
  | "DeleteVpc"
  | "DescribeAvailableResource"
  | "DescribeImageSharePermission"
  | "DescribeImages"
  | "DescribeInstanceTypes"
  | "DescribeInstances"
  | "DescribeKeyPairs"
  | "DescribePrice"
  | "DescribeRegions"
  | "DescribeSecurityGroups"
  | "DescribeSnapshots"
  | "DescribeTaskAttribute"
  | "DescribeTasks"
  | "DescribeVSwitches"
  | "DescribeVpcs"
  | "GetInstanceConsoleOutput"
  | "GetInstanceScreenshot"
  | "ImportImage"
  | "ImportKeyPair"
  | "ModifyImageAttribute"
  | "ModifyImageSharePermission"
  | "RunInstances"
  | "StopInstance";

type Method<A extends Action> = EcsClient[Uncapitalize<A>];
/** What a model of the SDK can hold: without its methods, and without the index signature that lets any name pass. */
type Plain<T> = T extends readonly (infer E)[]
  ? readonly Plain<E>[]
  : T extends object
    ? {
        readonly [K in keyof T as string extends K ? never : T[K] extends (...rest: never[]) => unknown ? never : K]?:
          | Plain<T[K]>
          | undefined;
      }
    : T;
export type Fields<A extends Action> = Plain<Parameters<Method<A>>[0]>;
export type Answer<A extends Action> = Plain<NonNullable<Awaited<ReturnType<Method<A>>>["body"]>>;

export interface EcsApi {
  readonly region: string;
  readonly connection: Connection;
  /**
   * Calls an action; again while it fails with what passes. `what` goes into errors: `cannot <what>: …`. The region, which decides what host is asked, is
   * that of the request; some requests name none.
   *
   * Errors: `cloud/…`, with the vendor's answer as their cause (`vendorCodeOf`); the signal's reason.
   */
  call<A extends Action>(
    action: A,
    fields: Fields<A>,
    what: string,
    context: Context,
    region?: string,
  ): Promise<Answer<A>>;
}

const attempts = 6;
const firstDelayMs = 1000;

export function ecsApi(options: {
  readonly credentials: Credentials;
  readonly connection: Connection;
  readonly region: string;
  readonly agent: Agent;
}): EcsApi {
  const { connection, credentials, agent } = options;
  return {
    region: options.region,
    connection,
    async call(action, fields, what, context, ofRegion) {
      const { signal } = context;
      const region = ofRegion ?? (fields as { regionId?: string }).regionId ?? options.region;
      const { sdk, client } = await loadClient({ region, credentials, agent, now: () => connection.now(), signal });
      const Request = sdk[`${action}Request`] as unknown as new (fields: object) => never;
      const method = `${action.charAt(0).toLowerCase()}${action.slice(1)}` as Uncapitalize<typeof action>;
      for (let attempt = 1; ; attempt++) {
        signal.throwIfAborted();
        try {
          const { body } = await (client[method] as (request: never) => Promise<{ body?: object }>)(
            new Request(fields),
          );
          return body as Answer<typeof action>;
        } catch (error) {
          signal.throwIfAborted();
          if (attempt >= attempts || !isPassing(error)) throw failure(error, what, client._endpoint, credentials);
          const delayMs = firstDelayMs * 2 ** (attempt - 1);
          const reason = error instanceof Error ? error.message : String(error);
          const message = `Cannot ${what}: ${reason}; trying again`;
          context.emit({ type: "log", level: "debug", message: withoutSecrets(message, credentials) });
          await connection.sleep(delayMs, signal);
        }
      }
    },
  };
}

/** What an error of the client means to us. */
export function failure(error: unknown, what: string, host: string, credentials: Credentials): unknown {
  if (error instanceof EcsError) {
    const { code, status, requestId } = error;
    return explain(
      what,
      new EcsError({ code, status, requestId, message: withoutSecrets(error.message, credentials) }),
    );
  }
  const errno = errnoOf(error);
  if (errno === undefined || !isPassing(error)) return error;
  const message = `cannot ${what}: no answer from ${host} (${errno})`;
  return new CloudimgError(
    { code: "cloud/unreachable", message, hint: "look at the network, and at the name of the region" },
    { cause: error },
  );
}

/** Answers that refuse a signature may repeat what was signed. */
function withoutSecrets(text: string, { secretAccessKey, sessionToken }: Credentials): string {
  return [secretAccessKey, sessionToken].reduce<string>(
    (clean, secret) => (secret ? clean.replaceAll(secret, "…") : clean),
    text,
  );
}
