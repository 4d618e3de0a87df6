export { parseYaml } from "../user-data/yaml.ts";
