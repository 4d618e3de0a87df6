import { createHash } from "node:crypto";
import type { Resource } from "../../providers/cloud.ts";
import type { Account, KeyRing } from "../accounts.ts";
import type { Clock } from "../clock.ts";
import { headerOf, type WireAnswer, type WireHandler, type WireRequest } from "../http-server.ts";
import { verifyAcs3 } from "../signatures/acs3.ts";
import { makeNonceMemory } from "../signatures/alibaba.ts";
import { parseParameters } from "../signatures/encoding.ts";
import { ecsActions } from "./actions.ts";
import { ApiError, deny } from "./api-error.ts";
import { emulatedRegions, makeStock } from "./catalogue.ts";
import type { EcsFaultHook } from "./faults.ts";
import { readImageFile } from "./image-file.ts";
import type { ImportHooks, ImportSource } from "./import-image.ts";
import { reclaimInstance } from "./instance-actions.ts";
import { ecsLedger } from "./ledger.ts";
import { readParameters } from "./parameters.ts";
import { releaseInstance } from "./run-instances.ts";
import { type Delays, type EcsState, type InstanceFactory, usualDelays } from "./state.ts";

export interface EcsOptions {
  readonly clock: Clock;
  readonly account: Pick<Account, "accountId">;
  readonly keys: KeyRing;
  /** Where imports read from. */
  readonly source: ImportSource;
  /** Default: looks at the file's magic numbers and sizes. */
  readonly inspect?: ImportHooks["inspect"] | undefined;
  /** Boots instances. Default: they are records only. */
  readonly instanceFactory?: InstanceFactory | undefined;
  readonly delays?: Partial<Delays> | undefined;
  readonly fault?: EcsFaultHook | undefined;
  /** Whether each region has a network from the beginning, as accounts mostly have. Default: yes. */
  readonly hasDefaultNetwork?: boolean | undefined;
}

export interface ServedCall {
  readonly action: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly headers: WireRequest["headers"];
  /** Undefined: the connection was cut. */
  readonly status: number | undefined;
  readonly answer: Readonly<Record<string, unknown>> | undefined;
}

/** The emulated service, of all its regions. It is served by `startHttpServer`. */
export interface EmulatedEcs {
  readonly handler: WireHandler;
  /** Whether a host name, with or without a port, is one of this service's. */
  owns(host: string): boolean;
  /** To look into, and to change what the world does: stock, quota, the role. */
  readonly state: EcsState;
  ledger(): readonly Resource[];
  /** The latest ones, oldest first. */
  calls(): readonly ServedCall[];
  /** Takes a spot instance back, after the usual notice. */
  reclaim(instanceId: string): void;
  /** Ends all machines. */
  close(): Promise<void>;
}

const mostCalls = 10_000;

export function makeEcs(options: EcsOptions): EmulatedEcs {
  const { clock, keys, fault } = options;
  const state = makeState(options);
  const hooks: ImportHooks = { source: options.source, inspect: options.inspect ?? readImageFile };
  const nonces = makeNonceMemory();
  const calls: ServedCall[] = [];
  /** By action and `ClientToken`. */
  const tokens = new Map<string, { readonly digest: string; readonly answer: Promise<Record<string, unknown>> }>();

  const perform = async (action: string, all: ReadonlyMap<string, string>) => {
    const work = ecsActions[action] ?? deny(404, "InvalidAction.NotFound", "Specified api is not found.");
    const parameters = readParameters(all);
    const region = parameters.get("RegionId");
    if (region !== undefined && state.regions[region] === undefined) {
      deny(
        /^(ImportImage|Describe(Tasks|TaskAttribute)|CancelTask|ModifyImageSharePermission)$/.test(action) ? 400 : 404,
        "InvalidRegionId.NotFound",
        "The specified RegionId does not exist.",
      );
    }
    const token = parameters.get("ClientToken");
    if (token === undefined) return await work(state, parameters, hooks);
    if (token.length > 64) deny(400, "InvalidParameter", "The specified ClientToken is too long.");
    const digest = createHash("sha256")
      .update(JSON.stringify([...all].sort()))
      .digest("hex");
    const known = tokens.get(`${action} ${token}`);
    if (known !== undefined) {
      if (known.digest === digest) return await known.answer;
      deny(
        400,
        "IdempotentParameterMismatch",
        "The request uses the same client token as a previous, but non-identical request.",
      );
    }
    // A second try may come while the first one is still worked on.
    const answer = (async () => await work(state, parameters, hooks))();
    tokens.set(`${action} ${token}`, { digest, answer });
    answer.catch(() => tokens.delete(`${action} ${token}`));
    return await answer;
  };

  const handler: WireHandler = async (request) => {
    const action = headerOf(request, "x-acs-action") ?? "";
    const parameters = new Map(parseParameters(request.query).map(([name, value]) => [utf8(name), utf8(value)]));
    const record = (status: number | undefined, answer: Record<string, unknown> | undefined) => {
      calls.push({ action, parameters, headers: request.headers, status, answer });
      if (calls.length > mostCalls) calls.splice(0, mostCalls / 2);
    };
    const answerWith = (status: number, body: Record<string, unknown>): WireAnswer => {
      record(status, body);
      const headers = { "content-type": "application/json;charset=utf-8" };
      return { status, headers, body: JSON.stringify(body) };
    };
    const RequestId = requestId(state);
    try {
      const verdict = verifyAcs3(request, { keyOf: keys.keyOf, times: clock.signingTimes() }, nonces);
      if (!verdict.ok) deny(verdict.status, verdict.code, verdict.message);
      // Another service, of which one action is known (STS 2015-04-01).
      if (/^sts\./.test(request.host) && action === "GetCallerIdentity")
        return answerWith(200, callerOf(state, RequestId));
      if (headerOf(request, "x-acs-version") !== "2014-05-26")
        deny(400, "InvalidParameter", "Specified version is not valid.");
      const planned = fault?.({ action, region: parameters.get("RegionId") ?? "", parameters });
      if (planned === "drop") {
        record(undefined, undefined);
        return "drop";
      }
      if (planned !== undefined && planned !== "lose-answer")
        deny(planned.status, planned.code, "A fault was asked for.");
      const answer = await perform(action, parameters);
      if (planned === "lose-answer") {
        record(undefined, answer);
        return "drop";
      }
      return answerWith(200, { RequestId, ...answer });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { code, message } = error;
      return answerWith(error.status, { Code: code, Message: message, RequestId, HostId: request.host, Recommend: "" });
    }
  };

  return {
    handler,
    owns: (host) => /^ecs[.-].*\.aliyuncs\.com(:\d+)?$|^ecs\.aliyuncs\.com(:\d+)?$/.test(host),
    state,
    ledger: () => ecsLedger(state),
    calls: () => calls,
    reclaim: (id) => reclaimInstance(state, id),
    async close() {
      await Promise.all([...state.instances.keys()].map((id) => releaseInstance(state, id)));
    },
  };
}

function makeState({ clock, account, delays, instanceFactory, hasDefaultNetwork = true }: EcsOptions): EcsState {
  let count = 0;
  const regions = emulatedRegions;
  const state: EcsState = {
    clock,
    delays: { ...usualDelays, ...delays },
    account: { id: account.accountId },
    regions,
    images: new Map(),
    tasks: new Map(),
    snapshots: new Map(),
    instances: new Map(),
    securityGroups: new Map(),
    keyPairs: new Map(),
    vpcs: new Map(),
    vSwitches: new Map(),
    stock: makeStock(),
    heldUntilMs: new Map(),
    hasImportRole: true,
    imageQuota: 100,
    instanceFactory,
    newId(prefix) {
      count += 1;
      return `${prefix}-bp1${createHash("sha256").update(`${prefix} ${count}`).digest("hex").slice(0, 17)}`;
    },
  };
  if (!hasDefaultNetwork) return state;
  for (const [region, zones] of Object.entries(regions)) {
    const common = { region, name: "", description: "", isDefault: true, createdMs: 0 };
    const vpcId = state.newId("vpc");
    state.vpcs.set(vpcId, { ...common, id: vpcId, cidr: "172.16.0.0/12" });
    for (const [index, zone] of zones.entries()) {
      const id = state.newId("vsw");
      state.vSwitches.set(id, { ...common, id, vpcId, zone, cidr: `172.16.${index * 16}.0/20` });
    }
  }
  return state;
}

function callerOf({ account: { id } }: EcsState, RequestId: string): Record<string, unknown> {
  const user = `20${id.slice(2)}`;
  return {
    ...{ RequestId, AccountId: id, UserId: user, PrincipalId: user, IdentityType: "RAMUser" },
    Arn: `acs:ram::${id}:user/rehearsal`,
  };
}

function requestId(state: EcsState): string {
  const hex = createHash("sha256").update(state.newId("request")).digest("hex").toUpperCase();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}

/** Byte strings are what signatures need, and text what everything else does. */
function utf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
