import type { TagRecord } from "./records.ts";
import type { TencentWorld } from "./world.ts";

/** An answer of the service that is an error. */
export class ServiceError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export type Input = Readonly<Record<string, unknown>>;

/** One action of the API. The answer is what stands beside RequestId. */
export interface Action {
  readonly required?: readonly string[];
  readonly optional?: readonly string[];
  run(input: Input, world: TencentWorld, region: string): object | Promise<object>;
}

/** Errors: the service's words for parameters that are missing or that it does not know. */
export function checkNames({ required = [], optional = [] }: Action, input: Input): void {
  for (const name of required) {
    if (input[name] === undefined)
      throw new ServiceError("MissingParameter", `The request is missing a required parameter \`${name}\`.`);
  }
  for (const name of Object.keys(input)) {
    if (!required.includes(name) && !optional.includes(name))
      throw new ServiceError("UnknownParameter", `The parameter \`${name}\` is not recognized.`);
  }
}

/** The value if it is text, else the service's complaint. */
export function textOf(input: Input, name: string): string {
  const value = input[name];
  if (typeof value !== "string")
    throw new ServiceError("InvalidParameter", `The value type of parameter \`${name}\` is not valid.`);
  return value;
}

export function textsOf(input: Input, name: string): string[] {
  const value = input[name] ?? [];
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string"))
    throw new ServiceError("InvalidParameter", `The value type of parameter \`${name}\` is not valid.`);
  return value;
}

export function objectOf(input: Input, name: string): Input {
  const value = input[name] ?? {};
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ServiceError("InvalidParameter", `The value type of parameter \`${name}\` is not valid.`);
  return value as Input;
}

export function objectsOf(input: Input, name: string): Input[] {
  const value = input[name] ?? [];
  if (!Array.isArray(value)) throw new ServiceError("InvalidParameter", `The parameter \`${name}\` is not an array.`);
  return value as Input[];
}

/** The tags of the specification that is for this type of resource. */
export function tagsOf(input: Input, resourceType: string): TagRecord[] {
  const specifications = objectsOf(input, "TagSpecification").filter((one) => one["ResourceType"] === resourceType);
  return specifications.flatMap((one) => objectsOf(one, "Tags") as unknown as TagRecord[]);
}

/** What can be filtered by: name → the values that a thing has for it. */
export type Filterable = Readonly<Record<string, readonly string[]>>;

/**
 * Filters all have to fit, with one of their values each. Those named in `partly` fit parts of the value too.
 */
export function isMatch(
  filters: readonly Input[],
  values: Filterable,
  tags: readonly TagRecord[],
  partly: readonly string[] = [],
): boolean {
  return filters.every((filter) => {
    const name = textOf(filter, "Name");
    const wanted = textsOf(filter, "Values");
    if (name === "tag-key") return tags.some(({ Key }) => wanted.includes(Key));
    if (name.startsWith("tag:")) return tags.some(({ Key, Value }) => `tag:${Key}` === name && wanted.includes(Value));
    const has = values[name];
    if (has === undefined) throw new ServiceError("InvalidFilter", `The filter \`${name}\` is not supported.`);
    return wanted.some((one) => has.some((value) => (partly.includes(name) ? value.includes(one) : value === one)));
  });
}

/** A page of a list, and how long the list is. Offset and Limit are numbers, or text at VPC. */
export function pageOf<T>(input: Input, all: readonly T[]): { readonly page: readonly T[]; readonly total: number } {
  const offset = Number(input["Offset"] ?? 0);
  const limit = Number(input["Limit"] ?? 20);
  if (!(limit >= 1 && limit <= 100) || !(offset >= 0))
    throw new ServiceError("InvalidParameterValue.LimitExceeded", "The Limit is not within 1 to 100.");
  return { page: all.slice(offset, offset + limit), total: all.length };
}
