import { inputSchema, type JsonSchema } from "./schema-tree.ts";

/**
 * The JSON Schema (draft 2020-12) that editors use for completion and checks: what one profile *file* may say. It differs from what a whole profile
 * must say: nothing outside a list is required, since an inherited profile may have it; null removes what was inherited; and numbers, truth values and
 * words may come from the environment as text.
 */
export function profileJsonSchema(): JsonSchema {
  const { $schema, ...profile } = inputSchema();
  return {
    $schema: $schema as string,
    title: "cloudimg profile",
    description: "What a cloud image is made of, where it runs and how it is checked. Reference: docs/profile.md",
    ...asFileSchema(profile, false),
    $defs: {
      environment: {
        description: `Text with a value from the environment: \${env:NAME} or \${env:NAME:-default}.`,
        type: "string",
        pattern: "\\$\\{env:",
      },
    },
  };
}

const environment: JsonSchema = { $ref: "#/$defs/environment" };

/** @param inList whether this is an entry of a list, which is not merged with anything and so must be whole */
function asFileSchema(schema: JsonSchema, inList: boolean): JsonSchema {
  if (schema.anyOf !== undefined) {
    const branches = schema.anyOf
      .map((branch) => asFileSchema(branch, inList))
      .flatMap((branch) => branch.anyOf ?? [branch]);
    // Every branch brings the environment along; once is enough.
    const texts = branches.map((branch) => JSON.stringify(branch));
    return { ...schema, anyOf: branches.filter((_, at) => texts.indexOf(texts[at] as string) === at) };
  }
  if (schema.type === "array") return { ...schema, items: asFileSchema(schema.items ?? {}, true) };
  if (schema.type === "object") return asFileObject(schema, inList);
  const { format, ...known } = schema;
  // `starts_with` is Zod's own; its pattern says it all.
  const leaf = format === undefined || format === "starts_with" ? known : schema;
  const isFreeText = schema.type === "string" && !("pattern" in schema || "enum" in schema || format !== undefined);
  if (isFreeText) return leaf;
  const { title, description, default: fallback, ...constraints } = leaf;
  return {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [withoutHugeBounds(constraints), environment],
  };
}

function asFileObject(schema: JsonSchema, inList: boolean): JsonSchema {
  const { required, properties, propertyNames: _, ...rest } = schema;
  const mayBeAbsent = (key: string) => !inList || required?.includes(key) !== true;
  return {
    ...rest,
    ...(inList && required !== undefined ? { required } : {}),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([key, property]) => {
              const one = asFileSchema(property, false);
              return [key, mayBeAbsent(key) ? orNull(one) : one];
            }),
          ),
        }),
    ...(typeof rest.additionalProperties === "object"
      ? { additionalProperties: asFileSchema(rest.additionalProperties, false) }
      : {}),
  };
}

function orNull(schema: JsonSchema): JsonSchema {
  if (schema.anyOf !== undefined) return { ...schema, anyOf: [...schema.anyOf, { type: "null" }] };
  return typeof schema.type === "string" ? { ...schema, type: [schema.type, "null"] } : schema;
}

/** The limits of JavaScript's numbers are not news to anyone. */
function withoutHugeBounds({ minimum, maximum, ...rest }: JsonSchema): JsonSchema {
  return {
    ...rest,
    ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
  };
}
