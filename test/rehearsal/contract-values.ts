/** A field of ../shared/contracts; the README there says what it means: a bare type, a typed field, or the fields of an object (in a list). */
export type Field = string | TypedField | Fields | readonly [Fields];

export interface TypedField {
  readonly t: string;
  readonly req?: boolean;
  readonly enum?: readonly string[];
  readonly null?: boolean;
  readonly f?: Fields;
  readonly note?: string;
}

export interface Fields {
  readonly [name: string]: Field;
}

/** How values are judged. */
export interface Rules {
  /** The object of a name, for types that begin with a capital letter. */
  readonly objects: Readonly<Record<string, Fields>>;
  /** Whether what is required must be there: of requests, not of answers. */
  readonly demandsRequired: boolean;
  /** Whether numbers and truth values may come as text: of queries. */
  readonly isText: boolean;
}

export function typedField(field: Field): TypedField {
  if (typeof field === "string") return { t: field };
  if (Array.isArray(field)) return { t: "array", f: field[0] as Fields };
  return isTyped(field as Fields | TypedField) ? (field as TypedField) : { t: "object", f: field as Fields };
}

/** What is wrong with the members of an object: names that are unknown, required ones that are missing, values of the wrong type. */
export function checkFields(value: unknown, fields: Fields, rules: Rules, path: string): string[] {
  if (!isRecord(value)) return [`${path || "the body"} is no object`];
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  const unknown = Object.keys(value)
    .filter((name) => !Object.hasOwn(fields, name))
    .map((name) => `${at(name)} is unknown`);
  const wrong = Object.entries(fields).flatMap(([name, field]) => {
    const typed = typedField(field);
    if (value[name] !== undefined) return checkValue(value[name], typed, rules, at(name));
    return typed.req === true && rules.demandsRequired ? [`${at(name)} is missing`] : [];
  });
  return [...unknown, ...wrong];
}

export function checkValue(value: unknown, field: TypedField, rules: Rules, path: string): string[] {
  // What answers may leave empty is only seldom told; what requests may, always.
  if (value === null) return field.null === true || !rules.demandsRequired ? [] : [`${path} is null`];
  const element = /^\[(.+)\]$/.exec(field.t)?.[1];
  if (element !== undefined || field.t === "array") {
    if (!Array.isArray(value)) return [`${path || "the body"} is no list`];
    const type = element === undefined ? { ...field, t: "object" } : { ...field, t: element };
    return value.flatMap((one, index) => checkValue(one, type, rules, `${path}[${index}]`));
  }
  const fields = field.f ?? (/^[A-Z]/.test(field.t) ? rules.objects[field.t] : undefined);
  if (fields !== undefined) return checkFields(value, fields, rules, path);
  if (/^[A-Z]/.test(field.t)) throw new Error(`the contract has no object ${field.t}`);
  const wrong = checkSimple(value, field, rules, path);
  if (wrong.length > 0 || field.enum === undefined || field.enum.includes(String(value))) return wrong;
  // Several states may be asked for at once: `Status=Creating,Available`.
  const words = rules.isText ? String(value).split(",") : [];
  if (words.length > 1 && words.every((word) => field.enum?.includes(word))) return [];
  return [`${path} is ${JSON.stringify(value)}, none of ${field.enum.join(", ")}`];
}

/** Types that are no objects and no lists, with what they are called in the three files. */
const simple: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  datetime_iso: isDate,
  datetime: isDate,
  date: isDate,
  bool: (value) => typeof value === "boolean",
  boolean: (value) => typeof value === "boolean",
  int: Number.isSafeInteger,
  int64: Number.isSafeInteger,
  uint64: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  number: Number.isFinite,
  float: Number.isFinite,
  map: isRecord,
  object: isRecord,
  any: () => true,
  // What the contract's makers could not tell.
  "?": () => true,
};

function checkSimple(value: unknown, { t, note = "" }: TypedField, { isText }: Rules, path: string): string[] {
  const isRight = simple[t];
  if (isRight === undefined) throw new Error(`the contract has an unknown type ${t}`);
  const mayBeText = isText || note.includes("as string");
  const plain = mayBeText && typeof value === "string" && !["string", "any"].includes(t) ? fromText(value, t) : value;
  return isRight(plain) ? [] : [`${path} is ${JSON.stringify(value)}, no ${t}`];
}

function fromText(value: string, type: string): unknown {
  if (type.startsWith("bool")) return value === "true" ? true : value === "false" ? false : value;
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (type === "map" && value.startsWith("{")) return JSON.parse(value);
  return value;
}

function isDate(value: unknown): boolean {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTyped(field: Fields | TypedField): field is TypedField {
  return typeof field["t"] === "string";
}
