import { deny } from "./api-error.ts";

/** The parameters of a call, flattened as RPC has them: `Tag.1.Key`. */
export interface Parameters {
  readonly all: ReadonlyMap<string, string>;
  /** Undefined: absent or empty. */
  get(name: string): string | undefined;
  /** Errors: `MissingParameter` */
  must(name: string): string;
  number(name: string): number | undefined;
  flag(name: string): boolean;
  /** `Name.1`, `Name.2`, … */
  strings(name: string): string[];
  /** `Name.1.Field`, `Name.2.Field`, … */
  list(name: string): Parameters[];
  tags(): Record<string, string>;
}

export function readParameters(all: ReadonlyMap<string, string>): Parameters {
  const get = (name: string) => all.get(name) || undefined;
  const list = (name: string) => {
    const groups = new Map<number, Map<string, string>>();
    for (const [key, value] of all) {
      const [, number, field] = new RegExp(`^${name}\\.(\\d+)\\.(.+)$`).exec(key) ?? [];
      if (number === undefined || field === undefined) continue;
      const group = groups.get(Number(number)) ?? new Map();
      groups.set(Number(number), group.set(field, value));
    }
    return [...groups].sort(([a], [b]) => a - b).map(([, group]) => readParameters(group));
  };
  return {
    all,
    get,
    list,
    must: (name) => get(name) ?? deny(400, "MissingParameter", `The input parameter "${name}" is not supplied.`),
    number(name) {
      const text = get(name);
      if (text === undefined) return undefined;
      return /^\d+(\.\d+)?$/.test(text)
        ? Number(text)
        : deny(400, "InvalidParameter", `The specified parameter ${name} is not valid.`);
    },
    flag: (name) => get(name) === "true",
    strings: (name) =>
      [...all]
        .filter(([key]) => new RegExp(`^${name}\\.\\d+$`).test(key))
        .sort(([a], [b]) => Number(a.slice(name.length + 1)) - Number(b.slice(name.length + 1)))
        .map(([, value]) => value),
    tags: () => Object.fromEntries(list("Tag").map((tag) => [tag.get("Key") ?? "", tag.get("Value") ?? ""])),
  };
}

/** As `DescribeX` filters: each tag must be there; one without a value, with any. */
export function hasTags(tags: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => key in tags && (value === "" || tags[key] === value));
}

export function tagSet(tags: Readonly<Record<string, string>>) {
  return { Tag: Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })) };
}

/** A page, as `PageNumber` and `PageSize` ask for it. */
export function page<T>(parameters: Parameters, items: readonly T[], defaultSize = 10) {
  const number = parameters.number("PageNumber") ?? 1;
  const size = parameters.number("PageSize") ?? defaultSize;
  if (size < 1 || size > 100) deny(400, "InvalidParameter", "The specified PageSize is not valid.");
  const slice = items.slice((number - 1) * size, number * size);
  return { items: slice, fields: { PageNumber: number, PageSize: size, TotalCount: items.length } };
}

/** A page, as `MaxResults` and `NextToken` ask for it. */
export function nextPage<T>(parameters: Parameters, items: readonly T[], defaultSize = 10) {
  const size = parameters.number("MaxResults") ?? defaultSize;
  const from = Number(Buffer.from(parameters.get("NextToken") ?? "", "base64").toString() || 0);
  const end = from + size;
  const NextToken = end < items.length ? Buffer.from(String(end)).toString("base64") : "";
  return { items: items.slice(from, end), fields: { NextToken } };
}
