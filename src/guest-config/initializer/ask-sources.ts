import { networkSources } from "../sources/network-sources.ts";
import { findSource } from "./find-source.ts";
import type { Host } from "./host.ts";
import type { AskRequest } from "./look.ts";
import type { SourceResult } from "./source-result.ts";

/** Asks sources that are reached over the network. Whatever was there before comes back if none of them has an answer. */
export function askSources(host: Host, request: AskRequest, problem: (text: string) => void): SourceResult | undefined {
  const { names, before } = request;
  const sources = networkSources.filter(({ cloudInitName }) => names.includes(cloudInitName));
  let isTold = false;
  const complain = (text: string) => {
    isTold = true;
    problem(text);
  };
  const source = findSource(host, { ...request, sources, problem: complain });
  // Whoever has answered, if only with an error, has been named.
  if (source === before && !isTold) problem(`${names.join(", ")} did not answer`);
  return source;
}
