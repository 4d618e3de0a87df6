import { bootNetwork } from "../sources/boot-network.ts";
import { type Detection, detect } from "../sources/detect.ts";
import { localSources } from "../sources/local-sources.ts";
import { type MachineSigns, readSigns } from "../sources/signs.ts";
import { findSource } from "./find-source.ts";
import type { Host } from "./host.ts";
import type { Look } from "./look.ts";
import type { NetworkWish } from "./network-wish.ts";
import { describeSource, type SourceResult } from "./source-result.ts";

/** Looks for everything that may be on the machine, and for signs of what is beyond. */
export function lookAround(host: Host, problem: (text: string) => void): Look {
  const signs = readSigns(host);
  const detection = detect(signs);
  const { isDisabled, why, local, network } = detection;
  if (isDisabled) return { signs, disabledBecause: why, names: [], said: why };
  const sources = localSources.filter(({ cloudInitName }) => local.includes(cloudInitName));
  const source = findSource(host, { signs, sources, problem, tell: () => {} });
  const more = network.length > 0 ? `, ${network.join(", ")} will be asked` : "";
  return {
    signs,
    source,
    names: namesToAsk(source, detection),
    ownNetwork: ownNetwork(host, signs, problem),
    said: source === undefined ? `none on this machine${more}: ${why}` : describeSource(source),
  };
}

/** A whole drive needs no company; one that is broken, or says a part only, does. */
function namesToAsk(source: SourceResult | undefined, { network, fallback }: Detection): readonly string[] {
  if (source === undefined) return network;
  if (source.isDecided) return [];
  // A seed on a drive may name an URL.
  const own = source.found.asksOn === true && source.datasource === "NoCloud" ? ["NoCloud"] : [];
  return [...new Set([...own, ...network, ...fallback])];
}

function ownNetwork(host: Host, signs: MachineSigns, problem: (text: string) => void): NetworkWish | undefined {
  const own = bootNetwork(host, signs);
  for (const text of own?.problems ?? []) problem(text);
  if (own === undefined || (own.network === undefined && own.isDisabled !== true)) return undefined;
  return { network: own.network, isNetworkDisabled: own.isDisabled };
}
