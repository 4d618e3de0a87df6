import { load, YAML11_SCHEMA } from "js-yaml";

/** See Parts. */
export function parseYaml(text: string): unknown {
  return load(text, { schema: YAML11_SCHEMA });
}
