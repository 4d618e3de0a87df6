import type { Host } from "./host.ts";
import { applyHostName, parseHostName } from "./identity.ts";

/** The name that the source gives, if it can be one; the value is its short form. */
export function setHostName(host: Host, text: string | undefined, problem: (text: string) => void) {
  const name = text === undefined ? undefined : parseHostName(text);
  if (text !== undefined && name === undefined) problem(`${JSON.stringify(text)} is no host name`);
  if (name === undefined) return { value: undefined };
  for (const reason of applyHostName(host, name)) problem(reason);
  return { said: name.full, value: name.short };
}
