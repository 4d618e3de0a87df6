import { checkFields, type Fields, isRecord, type Rules, typedField } from "./contract-values.ts";

export interface AlibabaContract {
  readonly actions: Readonly<
    Record<string, { readonly in: Fields; readonly out: Fields; readonly errors?: Readonly<Record<string, number>> }>
  >;
  readonly commonErrors: Readonly<Record<string, number>>;
}

/** Parameters of every call, and those of the account, which the contract leaves out. */
const common =
  /^(Action|Version|Format|Timestamp|AccessKeyId|SecurityToken|Signature(Method|Version|Nonce|Type)?|Owner(Id|Account)|ResourceOwner(Id|Account))$/;

/** Codes that are newer than the contract's tables, or left out of them: Alibaba's error centre, "Common error codes". */
const furtherErrors: Readonly<Record<string, number>> = {
  MissingSecurityToken: 400,
  "InvalidSecurityToken.Malformed": 400,
  "InvalidSecurityToken.MismatchWithAccessKey": 400,
};

/** Of another service, STS 2015-04-01, by its reference. */
const furtherActions: AlibabaContract["actions"] = {
  GetCallerIdentity: {
    in: {},
    out: Object.fromEntries(
      ["AccountId", "Arn", "IdentityType", "PrincipalId", "RoleId", "UserId"].map((name) => [name, "string"]),
    ) as Fields,
  },
};

const rules: Rules = { objects: {}, demandsRequired: true, isText: true };

/** @param params names as on the wire, lists flattened: `Tag.1.Key` */
export function checkAlibabaRequest(contract: AlibabaContract, name: string, params: Readonly<Record<string, string>>) {
  const action = contract.actions[name] ?? furtherActions[name];
  if (action === undefined) return [`the action ${name} is unknown`];
  const tree: Record<string, unknown> = {};
  const clashes = Object.entries(params)
    .filter(([path]) => !common.test(path))
    .flatMap(([path, value]) => (plant(tree, path.split("."), value) ? [] : [`${path} is both a value and a list`]));
  const problems: string[] = [...clashes];
  const value = unflatten(tree, { t: "object", f: action.in }, "", problems);
  return [...problems, ...checkFields(value, action.in, rules, "")];
}

/** @param body as JSON has it */
export function checkAlibabaResponse(contract: AlibabaContract, name: string, body: unknown): string[] {
  const action = contract.actions[name] ?? furtherActions[name];
  if (action === undefined) return [`the action ${name} is unknown`];
  if (!isRecord(body)) return ["the body is no object"];
  const { RequestId, ...rest } = body;
  const problems = typeof RequestId === "string" ? [] : ["RequestId is missing"];
  if (typeof rest["Code"] === "string" && rest["Message"] !== undefined) {
    const { Code: code, HostId: _host, Message: _message, Recommend: _recommend, ...more } = rest;
    const isKnown = { ...contract.commonErrors, ...furtherErrors, ...action.errors }[code as string] !== undefined;
    return [
      ...problems,
      ...Object.keys(more).map((name) => `${name} is unknown in an error`),
      ...(isKnown ? [] : [`the error ${code} is unknown`]),
    ];
  }
  return [...problems, ...checkFields(rest, action.out, { ...rules, demandsRequired: false, isText: false }, "")];
}

function plant(tree: Record<string, unknown>, [name, ...rest]: readonly string[], value: string): boolean {
  if (name === undefined) return false;
  if (rest.length === 0) {
    if (tree[name] !== undefined) return false;
    tree[name] = value;
    return true;
  }
  const next = tree[name] ?? {};
  tree[name] = next;
  return isRecord(next) && plant(next, rest, value);
}

/** Numbered members become lists where the contract has lists. */
function unflatten(
  value: unknown,
  field: { t: string; f?: Fields | undefined },
  path: string,
  problems: string[],
): unknown {
  if (!isRecord(value)) return value;
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  if (field.t === "array" || field.t.startsWith("[")) {
    const names = Object.keys(value).sort((a, b) => Number(a) - Number(b));
    const gap = names.findIndex((name, index) => name !== String(index + 1));
    if (gap >= 0) problems.push(`${at(names[gap] as string)} is no ${gap + 1}: lists are numbered from 1 without gaps`);
    const element = { t: field.t === "array" ? "object" : field.t.slice(1, -1), f: field.f };
    return names.map((name) => unflatten(value[name], element, at(name), problems));
  }
  if (field.f === undefined) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const known = field.f?.[name];
      return [name, known === undefined ? member : unflatten(member, typedField(known), at(name), problems)];
    }),
  );
}
