import { fallbackNetwork } from "../network/fallback.ts";
import { configureNetwork, type NetworkResult } from "../network/network.ts";
import type { Host } from "./host.ts";
import type { NetworkWish } from "./network-wish.ts";

type Report = (problem: string) => void;

/** What goes on beside: words on what is waited for, and what can be done while servers are asked. */
export interface Beside {
  readonly tell: Report;
  readonly meanwhile: () => void;
}

/** Brings up the network that is wanted; if none is, or no card of it is there, DHCP on the best card. */
export function setNetwork(
  host: Host,
  { network: wanted, isNetworkDisabled, hostname }: NetworkWish & { readonly hostname: string | undefined },
  { tell, meanwhile }: Beside,
  problem: Report,
): { said: string; value: NetworkResult } {
  if (isNetworkDisabled === true) return { said: "left alone, as told", value: { nics: [], problems: [] } };
  let result: NetworkResult = { nics: [], problems: [] };
  if (wanted !== undefined) result = configureNetwork(host, wanted, hostname, tell, meanwhile);
  const problems = [...result.problems];
  if (result.nics.length === 0) {
    const fallback = fallbackNetwork(host);
    if (fallback === undefined) problems.push("this machine has no network card");
    else {
      result = configureNetwork(host, fallback, hostname, tell, meanwhile);
      // Nobody has asked for IPv4 and IPv6 both: one of them will do.
      const isUp = result.nics.some(({ addresses }) => addresses.length > 0);
      for (const text of result.problems) (isUp ? tell : problem)(text);
    }
  }
  for (const text of problems) problem(text);
  return { said: describeNics(result), value: result };
}

function describeNics({ nics }: NetworkResult): string {
  return nics.map(({ name, method, addresses }) => [name, method, ...addresses].join(" ")).join("; ") || "none";
}
