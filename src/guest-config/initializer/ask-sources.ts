import { networkSources } from "../sources/network-sources.ts";
import { findSource } from "./find-source.ts";
import type { Host } from "./host.ts";
import type { AskRequest } from "./look.ts";
import type { SourceResult } from "./source-result.ts";

/** An os.conf has told what is needed most; an image that was imported without its cloud's agent may find nobody who says more. */
const shortPatienceMs = 6000;

/** Asks sources that are reached over the network. Whatever was there before comes back if none of them has an answer. */
export function askSources(host: Host, request: AskRequest, problem: (text: string) => void): SourceResult | undefined {
  const { names, before } = request;
  const sources = networkSources.filter(({ cloudInitName }) => names.includes(cloudInitName));
  let isTold = false;
  const complain = (text: string) => {
    isTold = true;
    problem(text);
  };
  const isServed = before?.found.asksOn === true && before.found.network !== undefined;
  const signs = isServed ? { ...request.signs, patienceMs: shortPatienceMs } : request.signs;
  const source = findSource(host, { ...request, signs, sources, problem: complain });
  // Whoever has answered, if only with an error, has been named.
  if (source === before && !isTold) problem(`${names.join(", ")} did not answer`);
  return source;
}
