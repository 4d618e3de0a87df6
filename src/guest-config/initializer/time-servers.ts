import type { Found } from "../sources/datasource.ts";
import type { Host } from "./host.ts";
import { loadPart } from "./parts.ts";

const leaseDirectories = ["/run/cloudimg/lease", "/run/cloudimg/lease6"];
const clients = ["/usr/sbin/chronyd", "/usr/sbin/ntpd", "/usr/bin/ntpd", "/usr/lib/systemd/systemd-timesyncd"];

/** Hands the time servers of the source, else those of DHCP (option 42), to the program that sets the clock, if the image has one. */
export function setTimeServers(host: Host, { ntpServers }: Found, problem: (text: string) => void) {
  const servers = ntpServers !== undefined && ntpServers.length > 0 ? ntpServers : leasedServers(host);
  if (servers.length === 0 || clients.every((path) => host.attributes(path) === undefined)) return { value: undefined };
  return { said: loadPart(host, "userData").setTimeServers(host, servers, problem), value: undefined };
}

/** udhcpc.sh writes a line for each. */
function leasedServers(host: Host): string[] {
  const leases = leaseDirectories.flatMap((path) => host.list(path).map((name) => host.readText(`${path}/${name}`)));
  return [
    ...new Set(leases.flatMap((text) => [...(text ?? "").matchAll(/^ntp (\S+)/gm)].map(([, name = ""]) => name))),
  ];
}
