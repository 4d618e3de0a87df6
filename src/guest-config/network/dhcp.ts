import type { Host, Process } from "../initializer/host.ts";
import type { DhcpClient } from "./network-plan.ts";

const run = "/run/cloudimg";
const script = "/usr/lib/cloudimg/udhcpc.sh";

/**
 * Besides what busybox asks for by itself (1 mask, 3 router, 6 DNS, 12 host name, 15 domain, 28 broadcast, 42 NTP): 26 MTU, 119 search list, 121 classless routes.
 * https://udhcp.busybox.net/README.udhcpc
 */
const moreOptions = ["mtu", "search", "staticroutes"];

/** Three discoveries two seconds apart; then the client goes on in the background and the boot without it. */
const tries = 3;
const pauseSeconds = 2;

/** Starts a client for each card; it ends with the first lease or the last try, leaving a daemon behind. One that runs already is left alone. */
export function startDhcp(host: Host, clients: readonly DhcpClient[], hostname: string | undefined): Process[] {
  if (clients.length === 0) return [];
  host.makeDirectory(`${run}/dns`, 0o755);
  host.makeDirectory(`${run}/lease`, 0o755);
  return clients
    .filter(({ nic }) => !isRunning(host, nic))
    .map(({ nic, metric, keepsMtu }) =>
      host.start({
        argv: [
          ...["udhcpc", "-b", "-t", String(tries), "-T", String(pauseSeconds), "-A", "10", "-i", nic],
          ...["-p", pidFile(nic), "-s", script],
          ...moreOptions.flatMap((option) => ["-O", option]),
          ...(hostname === undefined ? [] : ["-x", `hostname:${hostname}`]),
        ],
        environment: { CLOUDIMG_METRIC: String(metric), CLOUDIMG_KEEP_MTU: keepsMtu ? "1" : "0" },
        outputPath: `${run}/udhcpc.${nic}.log`,
      }),
    );
}

/** The address that a card has by DHCP, with prefix length. */
export function leasedAddress(host: Host, nic: string): string | undefined {
  return /^address (\S+)/m.exec(host.readText(`${run}/lease/${nic}`) ?? "")?.[1];
}

function pidFile(nic: string): string {
  return `${run}/udhcpc.${nic}.pid`;
}

function isRunning(host: Host, nic: string): boolean {
  const pid = host.readText(pidFile(nic))?.trim();
  return pid !== undefined && /^\d+$/.test(pid) && (host.readText(`/proc/${pid}/cmdline`) ?? "").startsWith("udhcpc\0");
}
