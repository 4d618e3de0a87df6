import type { Found } from "../sources/datasource.ts";

export interface SourceResult {
  /** As the console names it; `none`. */
  readonly name: string;
  /** As cloud-init names it; `None`. */
  readonly datasource: string;
  readonly found: Found;
  /** It is whole: no other source need be asked. */
  readonly isDecided: boolean;
}

export const noSource: SourceResult = {
  name: "none",
  datasource: "None",
  found: { place: "", authorizedKeys: {}, problems: [] },
  isDecided: false,
};

/** It becomes the name of a directory, and stands in console lines. */
export const longestInstanceId = 200;

/** For the console: `config-drive on /dev/sr0, instance i-1`. */
export function describeSource({ name, found }: SourceResult): string {
  const instance = found.instanceId === undefined ? "" : `, instance ${found.instanceId}`;
  return `${name} on ${found.place}${instance}`;
}
