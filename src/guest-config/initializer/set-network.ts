import { configureNetwork, fallbackNetwork, type NetworkResult } from "../network/network.ts";
import type { NetworkState } from "../network-state.ts";
import type { Host } from "./host.ts";

type Report = (problem: string) => void;

/** Brings up the network that a document wants; if none is wanted, or no card of it is there, DHCP on the best card. */
export function setNetwork(
  host: Host,
  wanted: NetworkState | undefined,
  hostname: string | undefined,
  problem: Report,
): { said: string; value: NetworkResult } {
  let result: NetworkResult = { nics: [], problems: [] };
  if (wanted !== undefined) result = configureNetwork(host, wanted, hostname);
  const problems = [...result.problems];
  if (result.nics.length === 0) {
    const fallback = fallbackNetwork(host);
    if (fallback === undefined) problems.push("this machine has no network card");
    else {
      result = configureNetwork(host, fallback, hostname);
      problems.push(...result.problems);
    }
  }
  for (const text of problems) problem(text);
  return { said: describeNics(result), value: result };
}

function describeNics({ nics }: NetworkResult): string {
  return nics.map(({ name, method, addresses }) => [name, method, ...addresses].join(" ")).join("; ") || "none";
}
