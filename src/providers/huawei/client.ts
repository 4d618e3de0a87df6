import type { Context } from "../../core/context.ts";
import { CloudimgError, errnoOf } from "../../core/errors.ts";
import type { Connection } from "../connection.ts";
import type { Credentials } from "../credentials.ts";
import { hostOf, methodAndPath, type OperationName } from "./operations.ts";
import { encodePath, encodeQuery, signHeaders } from "./sign.ts";
import { type HttpAnswer, send } from "./transport.ts";
import { HuaweiError, isThrottled, readVendorAnswer } from "./vendor-error.ts";

export interface Call {
  /** For people, after "cannot": `import the image`. */
  readonly what: string;
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: object;
  /** ECS takes it as `X-Client-Token`: the same request is done once, however often it is sent. */
  readonly token?: string;
  /** Default: whether it has a token, or is no POST. What is not is not sent again when it may have arrived: see `LostAnswerError`. */
  readonly isRepeatable?: boolean;
  /** Asked once: work goes on without the answer. Default: as often as may help. */
  readonly isOptional?: boolean;
}

/** Calls Huawei Cloud's APIs in one region, signed. Errors: `HuaweiError`; `cloud/unreachable`, as `LostAnswerError` if the work may have been done. */
export interface HuaweiClient {
  readonly region: string;
  readonly connection: Connection;
  call<Answer>(operation: OperationName, call: Call, context: Context): Promise<Answer>;
  /** Of the region, which is most services' word for who asks where. */
  projectId(context: Context): Promise<string>;
}

/** A request was sent, and nobody knows what became of it: look before it is sent again. */
export class LostAnswerError extends CloudimgError {}

const attempts = 7;
const firstDelayMs = 1_000;
const longestDelayMs = 30_000;

/** Refused or not found before anything was sent. */
const unsent = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL"]);

export function makeClient(options: {
  readonly credentials: Credentials;
  readonly connection: Connection;
  readonly region: string;
}): HuaweiClient {
  const { credentials, connection, region } = options;
  let project: string | undefined = credentials.region === region ? credentials.projectId : undefined;

  const once = async (operation: OperationName, call: Call, context: Context): Promise<HttpAnswer> => {
    const isGlobal = operation.startsWith("iam.");
    const projectId = isGlobal ? undefined : await client.projectId(context);
    const { method, path } = methodAndPath(operation, { ...call.path, project_id: projectId ?? "" });
    const host = hostOf(operation, region);
    const query = Object.entries(call.query ?? {}).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as const],
    );
    const body = call.body === undefined ? "" : JSON.stringify(call.body);
    const headers = {
      "content-type": "application/json",
      ...(projectId !== undefined && { "x-project-id": projectId }),
      ...(call.token !== undefined && { "x-client-token": call.token }),
    };
    const signed = signHeaders({ method, host, path, query, headers, body }, credentials, connection.now());
    const search = encodeQuery(query);
    const target = encodePath(path) + (search === "" ? "" : `?${search}`);
    return await send({ method, host, target, headers: signed, body }, connection, context.signal);
  };

  const client: HuaweiClient = {
    region,
    connection,
    async call<Answer>(operation: OperationName, call: Call, context: Context): Promise<Answer> {
      const { what } = call;
      const isPost = methodAndPath(operation, anyParameters).method === "POST";
      const isRepeatable = call.isRepeatable ?? (!isPost || call.token !== undefined);
      for (let attempt = 1; ; attempt++) {
        context.signal.throwIfAborted();
        const outcome = await tryOnce(() => once(operation, call, context), what, context.signal);
        if (outcome.answer !== undefined) return outcome.answer as Answer;
        const mayAgain = outcome.passes && (isRepeatable || !outcome.wasSent);
        if (!mayAgain && outcome.passes) throw lost(outcome.error);
        if (!mayAgain || call.isOptional === true || attempt >= attempts) throw outcome.error;
        await connection.sleep(delayMs(attempt, outcome.retryAfterSeconds), context.signal);
      }
    },
    async projectId(context) {
      if (project !== undefined) return project;
      const what = `find the project of ${region}`;
      const call = { what, query: { name: region } };
      const { projects } = await client.call<{ projects: { id: string; name: string }[] }>(
        "iam.KeystoneListProjects",
        call,
        context,
      );
      const found = projects.find(({ name }) => name === region)?.id;
      if (found === undefined)
        throw new CloudimgError({
          code: "cloud/not-found",
          message: `cannot ${what}: the account has none there`,
          hint: `check the region's name, or open ${region} once in the console: that makes its project`,
        });
      project = found;
      return found;
    },
  };
  return client;
}

/** To learn an operation's method only. */
const anyParameters: Readonly<Record<string, string>> = new Proxy({}, { get: () => "any" });

interface Outcome {
  readonly answer?: unknown;
  readonly error: CloudimgError;
  /** Another try may help. */
  readonly passes: boolean;
  /** The service may have done what was asked. */
  readonly wasSent: boolean;
  readonly retryAfterSeconds?: number | undefined;
}

const noError = new CloudimgError({ code: "cloud/unreachable", message: "no error" });

async function tryOnce(work: () => Promise<HttpAnswer>, what: string, signal: AbortSignal): Promise<Outcome> {
  let answer: HttpAnswer;
  try {
    answer = await work();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CloudimgError || error instanceof TypeError) throw error;
    const errno = errnoOf(error) ?? "";
    const reason = error instanceof Error && error.message !== "" ? error.message : errno;
    const unreachable = new CloudimgError(
      {
        code: "cloud/unreachable",
        message: `cannot ${what}: ${reason}`,
        hint: "run the same command again: it goes on where it stopped",
      },
      { cause: error },
    );
    return { error: unreachable, passes: true, wasSent: !unsent.has(errno) };
  }
  const { status, headers, body } = answer;
  if (status >= 200 && status < 300) {
    try {
      return { answer: body === "" ? {} : (JSON.parse(body) as unknown), error: noError, passes: false, wasSent: true };
    } catch {
      const said = { status, vendorCode: `HTTP ${status}`, vendorMessage: "something that is no JSON" };
      return { error: new HuaweiError(what, { ...said, requestId: undefined }), passes: true, wasSent: true };
    }
  }
  const said = readVendorAnswer(status, body, headers);
  const throttled = isThrottled(said);
  return {
    error: new HuaweiError(what, said),
    passes: throttled || status >= 500,
    wasSent: !throttled,
    retryAfterSeconds: Number(headers["retry-after"] ?? Number.NaN),
  };
}

function lost(error: CloudimgError): LostAnswerError {
  return new LostAnswerError([...error.problems], { cause: error });
}

/** Doubles, with up to a fifth taken off so that many who were refused together do not come back together. */
function delayMs(attempt: number, retryAfterSeconds: number | undefined): number {
  const wanted = retryAfterSeconds !== undefined && retryAfterSeconds > 0 ? retryAfterSeconds * 1000 : 0;
  const own = Math.min(longestDelayMs, firstDelayMs * 2 ** (attempt - 1)) * (1 - Math.random() / 5);
  return Math.min(2 * longestDelayMs, Math.max(own, wanted));
}
