import { checkFields, type Fields, isRecord } from "./contract-values.ts";

export interface TencentContract {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly host: string;
        readonly version: string;
        readonly actions: Readonly<
          Record<string, { readonly in: Fields; readonly out: Fields; readonly errors?: readonly string[] }>
        >;
        readonly objects: Readonly<Record<string, Fields>>;
      }
    >
  >;
  readonly commonErrors: readonly string[];
}

/** @param name `cvm.ImportImage`, or without the service if only one has it */
function actionOf(contract: TencentContract, name: string) {
  const [action, service] = name.split(".").reverse() as [string, string | undefined];
  const found = Object.entries(contract.services).filter(
    ([key, { actions }]) => (service === undefined || key === service) && actions[action] !== undefined,
  );
  if (found.length !== 1) return undefined;
  const [, { actions, objects }] = found[0] as (typeof found)[number];
  return { ...(actions[action] as (typeof actions)[string]), objects };
}

export function checkTencentRequest(contract: TencentContract, name: string, params: unknown): string[] {
  const action = actionOf(contract, name);
  if (action === undefined) return [`the action ${name} is unknown`];
  return checkFields(params, action.in, { objects: action.objects, demandsRequired: true, isText: false }, "");
}

/** @param body with its envelope, `{ Response: { … } }` */
export function checkTencentResponse(contract: TencentContract, name: string, body: unknown): string[] {
  const action = actionOf(contract, name);
  if (action === undefined) return [`the action ${name} is unknown`];
  if (!isRecord(body) || !isRecord(body["Response"]) || Object.keys(body).length > 1) return ["it is no { Response }"];
  const { RequestId, Error: error, ...rest } = body["Response"];
  const problems = typeof RequestId === "string" ? [] : ["RequestId is missing"];
  if (error === undefined) {
    const rules = { objects: action.objects, demandsRequired: false, isText: false };
    return [...problems, ...checkFields(rest, action.out, rules, "")];
  }
  const { Code: code, Message: message } = isRecord(error) ? error : {};
  if (typeof code !== "string" || typeof message !== "string") problems.push("Error has no Code and Message");
  else if (!contract.commonErrors.includes(code) && action.errors?.includes(code) !== true) {
    problems.push(`the error ${code} is unknown`);
  }
  return [...problems, ...Object.keys(rest).map((name) => `${name} is unknown in an error`)];
}
