import type { Host } from "./host.ts";
import { instanceDataPath } from "./instance-data.ts";
import { asArray, asObject } from "./json-values.ts";
import type { VerbResult } from "./verb-result.ts";

/** `query --all`, `query --list-keys`, `query v1.instance_id`, `query ds.meta_data.name`. */
export function query(host: Host, args: readonly string[]): VerbResult {
  const [word = ""] = args;
  const isOption = word.startsWith("-");
  if (args.length !== 1 || (isOption && !["--all", "-a", "--list-keys", "-l"].includes(word)))
    return { isMisused: true };
  const text = host.readText(instanceDataPath);
  if (text === undefined) return { error: "there is no instance data: the instance has not been configured yet" };
  const all: unknown = JSON.parse(text);
  if (word === "--all" || word === "-a") return { text };
  if (isOption) return { text: `${Object.keys(asObject(all) ?? {}).join("\n")}\n` };
  const value = lookUp(all, word);
  if (value === undefined) return { error: `the instance data has no ${word}` };
  return { text: `${typeof value === "string" ? value : JSON.stringify(value, undefined, 1)}\n` };
}

/** Names may hold dots and dashes themselves (`instance-id`): the longest that is there is taken. */
function lookUp(value: unknown, path: string): unknown {
  if (path === "") return value;
  const list = asArray(value);
  const object = list.length > 0 ? Object.fromEntries(list.entries()) : asObject(value);
  if (object === undefined) return undefined;
  const name = Object.keys(object)
    .filter((key) => path === key || path.startsWith(`${key}.`))
    .sort((a, b) => b.length - a.length)[0];
  return name === undefined ? undefined : lookUp(object[name], path.slice(name.length + 1));
}
