import type { Host } from "../initializer/host.ts";
import { type HostName, parseHostName, withHostsEntry } from "../initializer/identity.ts";
import type { JsonObject } from "../initializer/json-values.ts";
import type { Module } from "./module.ts";
import { asWord, isFalse, isTrue } from "./settings.ts";

/** As cloud-init finds a name: `fqdn`, else `hostname` with a dot, else what the cloud says; `isDefault` if nobody says any. */
export function wantedHostName(config: JsonObject, fromCloud: string | undefined) {
  const cloud = /^\d+\.\d+\.\d+\.\d+$/.test(fromCloud ?? "") ? `ip-${fromCloud?.replaceAll(".", "-")}` : fromCloud;
  const short = (name: string) => name.replace(/(?<=.)\..*$/s, "");
  const hostname = asWord(config["hostname"]);
  const fqdn = asWord(config["fqdn"]);
  if (fqdn !== undefined) return { hostname: hostname ?? short(fqdn), fqdn, isDefault: false };
  if (hostname !== undefined && hostname.indexOf(".") > 0)
    return { hostname: short(hostname), fqdn: hostname, isDefault: false };
  const full = cloud ?? "localhost";
  const isDefault = hostname === undefined && cloud === undefined;
  return { hostname: hostname ?? short(full), fqdn: full, isDefault };
}

/**
 * set_hostname, update_hostname and update_etc_hosts in one, at each boot: the name that the source gives has been set before, and user data wins over it.
 */
export const hostName: Module = {
  name: "set_hostname",
  keys: [
    "hostname",
    "fqdn",
    "preserve_hostname",
    "prefer_fqdn_over_hostname",
    "create_hostname_file",
    "manage_etc_hosts",
  ],
  stage: "early",
  frequency: "always",
  run(config, { host, instance, problem }) {
    if (isTrue(config["preserve_hostname"])) return undefined;
    const { hostname, fqdn, isDefault } = wantedHostName(config, instance.hostname);
    if (isDefault) return undefined;
    // A name of the cloud that is another machine's is not this one's domain.
    const isOwn = asWord(config["fqdn"]) !== undefined || fqdn.startsWith(`${hostname}.`);
    const full = parseHostName(isOwn ? fqdn : hostname);
    const short = parseHostName(hostname);
    if (full === undefined || short === undefined) throw new Error("hostname or fqdn is no host name");
    const prefersFull = isTrue(config["prefer_fqdn_over_hostname"]);
    const name = prefersFull ? full.full : short.short;
    apply(host, config, { name, hosts: { short: short.short, full: full.full } }, problem);
    return full.full;
  },
};

function apply(
  host: Host,
  config: JsonObject,
  { name, hosts }: { name: string; hosts: HostName },
  problem: (text: string) => void,
): void {
  const kernel = "/proc/sys/kernel/hostname";
  if (host.readText(kernel)?.trim() !== name && !host.append(kernel, name)) problem("the kernel refuses the host name");
  const update = (path: string, text: string) => {
    try {
      if (host.readText(path) !== text) host.writeFile(path, text, 0o644);
    } catch (error) {
      problem((error as Error).message);
    }
  };
  const file = "/etc/hostname";
  if (host.attributes(file) !== undefined || !isFalse(config["create_hostname_file"])) update(file, `${name}\n`);
  const manages = config["manage_etc_hosts"];
  const isWhole = isTrue(manages) || manages === "template";
  if (isWhole) update("/etc/hosts", withHostsEntry(standardHosts, hosts));
  else if (!isFalse(manages)) update("/etc/hosts", withHostsEntry(host.readText("/etc/hosts") ?? standardHosts, hosts));
}

const standardHosts = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;
