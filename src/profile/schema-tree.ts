import { z } from "zod";
import { profileSchema } from "./schema.ts";

/** The parts of JSON Schema (draft 2020-12) that Zod writes for a profile. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

let cached: JsonSchema | undefined;

/** The schema of what may be written in a profile, before defaults are filled in. */
export function inputSchema(): JsonSchema {
  cached ??= z.toJSONSchema(profileSchema, { io: "input" }) as JsonSchema;
  return cached;
}

/** The schemas that a value at a path may have: each branch where the schema leaves a choice, none where nothing is allowed. */
export function schemasAt(path: readonly (string | number)[]): JsonSchema[] {
  let schemas = [inputSchema()];
  for (const part of path) schemas = schemas.flatMap(branches).flatMap((schema) => child(schema, part));
  return schemas.flatMap(branches);
}

/** The keys that a map at a path may have. */
export function keysAt(path: readonly (string | number)[]): string[] {
  return schemasAt(path).flatMap((schema) => Object.keys(schema.properties ?? {}));
}

/** Every map of the schema that has a key of this name, as `packages` or `files[]`. */
export function homesOf(key: string): string[] {
  const homes: string[] = [];
  const visit = (schema: JsonSchema, at: string) => {
    for (const branch of branches(schema)) {
      if (branch.items !== undefined) visit(branch.items, `${at}[]`);
      for (const [name, property] of Object.entries(branch.properties ?? {})) {
        if (name === key) homes.push(at);
        visit(property, at === "" ? name : `${at}.${name}`);
      }
    }
  };
  visit(inputSchema(), "");
  return homes;
}

function branches(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf === undefined ? [schema] : schema.anyOf.flatMap(branches);
}

function child(schema: JsonSchema, part: string | number): JsonSchema[] {
  if (typeof part === "number") return schema.items === undefined ? [] : [schema.items];
  const properties = schema.properties ?? {};
  const property = Object.hasOwn(properties, part) ? properties[part] : undefined;
  if (property !== undefined) return [property];
  return typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
}
