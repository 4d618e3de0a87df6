import { asObject } from "../initializer/json-values.ts";
import type { ParsedNetwork } from "../network-state.ts";
import { readVersion1 } from "./network-config-v1.ts";
import { readVersion2 } from "./network-config-v2.ts";
import { plain, shown } from "./subnet.ts";

/** network-config of NoCloud, the kernel's command line, or the image itself: version 1 or 2, bare or inside `network:`. Never throws. */
export function parseNetworkConfig(document: unknown): ParsedNetwork {
  const outer = asObject(document);
  const isEmpty = document === null || document === undefined || document === "";
  if (outer === undefined) return { problems: isEmpty ? [] : ["network-config is not a mapping"] };
  const isWrapped = outer["network"] !== undefined && outer["version"] === undefined;
  const inner = isWrapped ? asObject(outer["network"]) : outer;
  if (inner === undefined)
    return { problems: outer["network"] === null ? [] : ["network-config: network is not a mapping"] };
  if (inner["config"] === "disabled") return { isDisabled: true, problems: [] };

  const problems: string[] = [];
  const given = inner["version"];
  // A wrong or missing version is no riddle: only version 1 has a list.
  const version = /^[12]$/.test(plain(given)) ? Number(given) : Array.isArray(inner["config"]) ? 1 : 2;
  if (plain(given) !== String(version) && Object.keys(inner).length > 0)
    problems.push(`network-config: version ${shown(given)} is taken for ${version}`);
  const network = version === 1 ? readVersion1(inner, problems) : readVersion2(inner, problems);
  const told = problems.length > 20 ? [...problems.slice(0, 20), `and ${problems.length - 20} more`] : problems;
  return network.interfaces.length === 0 ? { problems: told } : { network, problems: told };
}
