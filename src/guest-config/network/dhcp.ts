import type { Host, Process } from "../initializer/host.ts";
import { formatPrefix, parsePrefix } from "../ip.ts";
import type { DhcpClient } from "./dhcp-plan.ts";
import { words } from "./steps.ts";

const run = "/run/cloudimg";
const script = "/usr/lib/cloudimg/udhcpc.sh";

/**
 * Besides what busybox asks for by itself (1 mask, 3 router, 6 DNS, 12 host name, 15 domain, 28 broadcast, 42 NTP): 26 MTU, 119 search list, 121 classless routes.
 * https://udhcp.busybox.net/README.udhcpc
 */
const moreOptions = ["mtu", "search", "staticroutes"];
/** By itself udhcpc6 asks for nothing but an address. RFC 3646: 23 and 24. */
const moreOptions6 = ["dns", "search"];

/** Three discoveries two seconds apart; then the client goes on in the background and the boot without it. */
const tries = 3;
const pauseSeconds = 2;

/** Starts a client; it ends with the first lease or the last try, leaving a daemon behind. One that runs already is left alone: undefined. */
export function startDhcp(host: Host, client: DhcpClient, hostname: string | undefined): Process | undefined {
  const { nic, family, isStateless } = client;
  if (isRunning(host, client)) return undefined;
  for (const name of ["dns", "lease", "lease6"]) host.makeDirectory(`${run}/${name}`, 0o755);
  const name = client.hostname === false ? undefined : (client.hostname ?? hostname);
  const common = [
    ...["-b", "-t", String(tries), "-T", String(pauseSeconds), "-A", "10", "-i", nic],
    ...["-p", pidFile(client), "-s", script],
  ];
  const options = (list: readonly string[]) => list.flatMap((option) => ["-O", option]);
  const argv =
    family === 4
      ? ["udhcpc", ...common, ...options(moreOptions), ...(name === undefined ? [] : ["-x", `hostname:${name}`])]
      : // The card has no address to ask from until it has looked for others that have the same.
        [script, "start6", ...common, ...(isStateless ? ["-l"] : []), ...options(moreOptions6)];
  return host.start({
    argv,
    environment: { ...environmentOf(client, hostname), ...(family === 6 ? { interface: nic } : {}) },
    outputPath: `${run}/${program(client)}.${nic}.log`,
  });
}

function environmentOf({ family, metric, ignored, takesHostname }: DhcpClient, hostname: string | undefined) {
  return {
    CLOUDIMG_FAMILY: String(family),
    CLOUDIMG_METRIC: String(metric),
    CLOUDIMG_IGNORE: ignored.join(" "),
    CLOUDIMG_HOSTNAME: takesHostname && hostname === undefined ? "1" : "",
  };
}

/** A client as a step that was done, by what it was told: another document may want it gone or otherwise. */
export function clientRecord(client: DhcpClient): { readonly key: string; readonly undo: string } {
  const { nic, family, isStateless, hostname } = client;
  const undo = `interface=${words(nic)} CLOUDIMG_FAMILY=${family} ${script} stop`;
  return { key: `dhcp ${nic} ${isStateless} ${hostname ?? ""} ${JSON.stringify(environmentOf(client, ""))}`, undo };
}

/** The addresses that a card has by DHCP, with prefix length; undefined if no server has answered. */
export function leasedAddresses(host: Host, nic: string, family: 4 | 6): string[] | undefined {
  const lease = host.readText(`${run}/lease${family === 4 ? "" : "6"}/${nic}`);
  return lease === undefined
    ? undefined
    : [...lease.matchAll(/^address (\S+)/gm)].map(([, address = ""]) => {
        const prefix = parsePrefix(address);
        return prefix === undefined ? address : formatPrefix(prefix);
      });
}

function program({ family }: DhcpClient): string {
  return family === 4 ? "udhcpc" : "udhcpc6";
}

function pidFile(client: DhcpClient): string {
  return `${run}/${program(client)}.${client.nic}.pid`;
}

function isRunning(host: Host, client: DhcpClient): boolean {
  const pid = host.readText(pidFile(client))?.trim();
  if (pid === undefined || !/^\d+$/.test(pid)) return false;
  const list = (host.readText(`/proc/${pid}/cmdline`) ?? "").split("\0");
  return list.includes(script) && list.includes(client.nic);
}
