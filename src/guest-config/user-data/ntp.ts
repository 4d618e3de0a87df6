import type { Host } from "../initializer/host.ts";
import { asObject, asTexts, type JsonObject } from "../initializer/json-values.ts";
import type { Module } from "./module.ts";
import { asFlag } from "./users-groups-normal.ts";

interface Sources {
  readonly servers: readonly string[];
  readonly pools: readonly string[];
  readonly peers: readonly string[];
  readonly allow: readonly string[];
}

interface Client {
  readonly name: string;
  readonly program: string;
  /** Where distributions keep its configuration; the first that is there counts. */
  readonly paths: readonly string[];
  readonly compose: (present: string, sources: Sources) => string;
}

const clients: readonly Client[] = [
  {
    name: "chrony",
    program: "/usr/sbin/chronyd",
    paths: ["/etc/chrony/chrony.conf", "/etc/chrony.conf"],
    compose: (present, sources) => withSources(present, [...usualLines(sources), ...allowLines(sources)]),
  },
  {
    name: "ntpsec",
    program: "/usr/sbin/ntpd",
    paths: ["/etc/ntpsec/ntp.conf"],
    compose: (present, sources) => withSources(present, usualLines(sources)),
  },
  {
    name: "openntpd",
    program: "/usr/sbin/ntpd",
    paths: ["/etc/openntpd/ntpd.conf", "/etc/ntpd.conf"],
    // ntpd.conf(5): `servers` takes all addresses of a name, as `pool` does elsewhere.
    compose: (present, { servers, pools }) =>
      withSources(present, [...pools.map((name) => `servers ${name}`), ...servers.map((name) => `server ${name}`)]),
  },
  {
    name: "systemd-timesyncd",
    program: "/usr/lib/systemd/systemd-timesyncd",
    paths: ["/etc/systemd/timesyncd.conf.d/cloud-init.conf"],
    compose: (_, { servers, pools }) => `[Time]\nNTP=${[...servers, ...pools].join(" ")}\n`,
  },
  // The first ntpd, and busybox's, which knows nothing but `server`.
  ...["/usr/sbin/ntpd", "/usr/bin/ntpd"].map((program) => ({
    name: "ntp",
    program,
    paths: ["/etc/ntp.conf"],
    compose: (present: string, sources: Sources) =>
      withSources(present, present.includes("driftfile") ? usualLines(sources) : serverLines(sources)),
  })),
];

const usualLines = ({ servers, pools, peers }: Sources) => [
  ...pools.map((name) => `pool ${name} iburst`),
  ...servers.map((name) => `server ${name} iburst`),
  ...peers.map((name) => `peer ${name}`),
];
const serverLines = ({ servers, pools }: Sources) => [...servers, ...pools].map((name) => `server ${name}`);
const allowLines = ({ allow }: Sources) => allow.map((network) => `allow ${network}`);

/** The configuration with these lines for those that it has of their kind. */
function withSources(present: string, lines: readonly string[]): string {
  const kept = present.split("\n").filter((line) => !/^\s*(server|servers|pool|peer|allow)\s/.test(line));
  while (kept.at(-1) === "") kept.pop();
  return [...kept, ...lines, ""].join("\n");
}

const knownKeys = ["enabled", "servers", "pools", "peers", "allow", "ntp_client"];

/** Time servers, for whichever client the image has. */
export const ntp: Module = {
  name: "ntp",
  keys: ["ntp"],
  stage: "config",
  frequency: "instance",
  run(config, { host, problem }) {
    const settings: JsonObject = asObject(config["ntp"]) ?? {};
    if (config["ntp"] !== null && asObject(config["ntp"]) === undefined) problem("ntp is no object");
    if (asFlag(settings["enabled"]) === false) return undefined;
    for (const key of Object.keys(settings)) if (!knownKeys.includes(key)) problem(`ntp: ${key} is not supported`);
    const take = (key: string) =>
      asTexts(settings[key]).filter((name) => {
        // A name, an address, or a network: nothing that could be a word of its own in a configuration.
        const isGood = /^[\w.:/%-]+$/.test(name);
        if (!isGood) problem(`ntp: ${JSON.stringify(name)} is no address`);
        return isGood;
      });
    const sources = { servers: take("servers"), pools: take("pools"), peers: take("peers"), allow: take("allow") };
    if ([...sources.servers, ...sources.pools, ...sources.peers].length === 0) return undefined;
    return configureNtp(host, sources, settings["ntp_client"], problem);
  },
};

/** See Parts. Names that could be more than a word of a configuration are left out. */
export function setTimeServers(
  host: Host,
  servers: readonly string[],
  problem: (text: string) => void,
): string | undefined {
  const good = servers.filter((name) => /^[\w.:-]+$/.test(name));
  return configureNtp(host, { servers: good, pools: [], peers: [], allow: [] }, undefined, problem);
}

/** @returns what was done, or undefined with a problem reported */
function configureNtp(
  host: Host,
  sources: Sources,
  wanted: unknown,
  problem: (text: string) => void,
): string | undefined {
  const isAny = wanted === undefined || wanted === null || wanted === "auto";
  const having = clients.filter(({ program, paths, name }) => {
    const isThere = host.attributes(program) !== undefined;
    return isThere && (paths.some((path) => host.attributes(path) !== undefined) || /^ntp$|systemd/.test(name));
  });
  const client = having.find(({ name }) => isAny || name === wanted) ?? (isAny ? undefined : having[0]);
  if (client === undefined) {
    problem("ntp is not supported: this image has no program that sets the clock");
    return undefined;
  }
  if (!isAny && client.name !== wanted) problem(`ntp: this image has ${client.name}, not what ntp_client names`);
  const path = client.paths.find((path) => host.attributes(path) !== undefined) ?? (client.paths[0] as string);
  const present = host.readText(path) ?? "";
  const text = client.compose(present, sources);
  host.makeDirectory(path.slice(0, path.lastIndexOf("/")), 0o755);
  if (text !== present) host.writeFile(path, text, 0o644);
  return `${client.name}: ${[...sources.servers, ...sources.pools, ...sources.peers].join(" ")}`;
}
