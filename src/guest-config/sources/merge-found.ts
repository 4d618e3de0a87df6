import type { Found } from "./datasource.ts";

/**
 * What two sources say together, when the first `asksOn`: the second says who this is; the network is the first one's, which was there before.
 */
export function mergeFound(first: Found, second: Found): Found {
  const told = Object.fromEntries(Object.entries(second).filter(([, value]) => value !== undefined));
  const isNetworkFirst = first.network !== undefined || first.isNetworkDisabled === true;
  return {
    ...first,
    ...(told as Partial<Found>),
    ...(isNetworkFirst ? { network: first.network, isNetworkDisabled: first.isNetworkDisabled } : {}),
    place: `${first.place}, ${second.place}`,
    authorizedKeys: { ...first.authorizedKeys, ...second.authorizedKeys },
    passwordHashes: first.passwordHashes ?? second.passwordHashes,
    problems: [...first.problems, ...second.problems],
    isBroken: second.isBroken,
    asksOn: undefined,
    finish: (host) => {
      first.finish?.(host);
      second.finish?.(host);
    },
  };
}
