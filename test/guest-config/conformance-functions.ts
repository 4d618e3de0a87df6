import { mergeKeys } from "../../src/guest-config/initializer/authorized-keys.ts";
import { asObject, type JsonObject } from "../../src/guest-config/initializer/json-values.ts";
import { aliyunNetwork } from "../../src/guest-config/network/aliyun-network.ts";
import { classlessRoutes } from "../../src/guest-config/network/classless-routes.ts";
import { parseInterfaces } from "../../src/guest-config/network/interfaces-file.ts";
import { kernelNetworkConfig } from "../../src/guest-config/network/kernel-network.ts";
import { parseKlibc } from "../../src/guest-config/network/klibc.ts";
import { parseNetworkConfig } from "../../src/guest-config/network/network-config.ts";
import { parseNetworkData } from "../../src/guest-config/network/openstack-network.ts";
import { parseOsConf } from "../../src/guest-config/network/os-conf.ts";
import type { ParsedNetwork } from "../../src/guest-config/network-state.ts";
import { parseYaml } from "../../src/guest-config/parts/yaml.ts";
import { planPasswords } from "../../src/guest-config/user-data/set-passwords-plan.ts";
import { normaliseUsers } from "../../src/guest-config/user-data/users-groups-normal.ts";
import { recordedPasswords } from "./accounts/recorded-passwords.ts";
import { interfaceNames, type Normalized, normalized } from "./network/normalized.ts";
import { sourceFunctions } from "./sources/source-families.ts";
import { userDataFunctions } from "./user-data/user-data-families.ts";

/** What we make of a recorded case: plain JSON, so that Node's results and QuickJS's can be compared. */
export interface Result {
  readonly value: unknown;
  readonly problems: readonly string[];
}

/** By family of ../shared/conformance: of the case's `input` and `env`. Only guest code and what it needs, since QuickJS runs it too. */
const functions: Readonly<Record<string, (input: unknown, env: JsonObject) => Result>> = {
  ...sourceFunctions,
  ...userDataFunctions,
  "network-config-v1": (input, env) => network(parseNetworkConfig(input), env["interfaces_by_mac"]),
  "network-config-v2": (input, env) => network(parseNetworkConfig(input), env["interfaces_by_mac"]),
  "openstack-network-data": (input, env) => {
    const parsed = parseNetworkData(input);
    const result = network(parsed, env["known_macs"]);
    const names = parsed.network && interfaceNames(parsed.network, asNames(env["known_macs"]));
    return names?.includes(undefined) ? { ...result, problems: [...result.problems, "a card is missing"] } : result;
  },
  "klibc-net-conf": (input, env) =>
    network(parseKlibc({ "net-nic.conf": String(input) }, asNames(env["mac_addrs"])), {}),
  "eni-network-interfaces": (input) => network(parseInterfaces(String(input)), {}),
  "aliyun-imds": (input, env) => {
    const macs = asNames(env["macs_to_nics"]);
    const isFull = env["apply_full_imds_network_config"] === true;
    return network(aliyunNetwork(input, macs, String(env["fallback_nic"]), isFull), macs);
  },
  "kernel-cmdline-network-config": (input) => {
    const found = kernelNetworkConfig(String(input));
    if (found === undefined) return { value: null, problems: [] };
    if ("isDisabled" in found) return { value: { config: "disabled" }, problems: [] };
    return "text" in found ? { value: parseYaml(found.text), problems: [] } : { value: null, problems: ["not text"] };
  },
  "dhcp-classless-routes": (input) => ({
    value: classlessRoutes(String(input)).map(({ to, via }) => ({ to, via: via ?? "0.0.0.0" })),
    problems: [],
  }),
  "tencent-os-conf": (input) => {
    const { problems, network: state, ...rest } = parseOsConf(String(input));
    return { value: { ...rest, network: state && normalized(state, {}) }, problems };
  },
  "users-groups": (input, env) => {
    const problems: string[] = [];
    const defaultUser = asObject(env["default_user"]);
    const { users, groups } = normaliseUsers(asObject(input) ?? {}, defaultUser, (text) => problems.push(text));
    return { value: { users: Object.fromEntries(users), groups: Object.fromEntries(groups) }, problems };
  },
  "authorized-keys": (input) => {
    const { existing, keys, options } = input as { existing: string; keys: string[]; options: string | null };
    return { value: mergeKeys(existing, keys, { options: options ?? undefined }), problems: [] };
  },
  passwords: (input, env) => {
    const problems: string[] = [];
    const defaultUser = String(asObject(env["default_user"])?.["name"]);
    const plan = planPasswords(asObject(input) ?? {}, defaultUser, (text) => problems.push(text));
    return { value: recordedPasswords(plan), problems };
  },
};

export const conformanceFamilies: readonly string[] = Object.keys(functions);

/** Throws an Error if the family is none of ours. */
export function conformanceResult(family: string, input: unknown, env: JsonObject): Result {
  const make = functions[family];
  if (make === undefined) throw new Error(`nothing is done with the family ${family}`);
  return make(input, env);
}

function network({ network: state, problems }: ParsedNetwork, macs: unknown): Result {
  return { value: state === undefined ? empty : normalized(state, asNames(macs)), problems };
}

const empty: Normalized = {
  interfaces: {},
  routes: [],
  dns: { nameservers: [], search: [] },
  effective: { interfaces: {}, unassigned_routes: [], nameservers: [], search: [] },
};

function asNames(value: unknown): Readonly<Record<string, string>> {
  return (asObject(value) ?? {}) as Record<string, string>;
}
