import { addressAfter, formatIp, parseIp } from "./addresses.ts";
import type { Clock } from "./clock.ts";
import { type Dhcp6Lease, type Dhcp6Request, decodeDhcp6Request, encodeDhcp6Reply } from "./dhcpv6.ts";
import type { Dhcp6Options, NetworkEvent } from "./options.ts";

export const dhcp6Ports = { server: 547, client: 546 } as const;

/** A DHCPv6 server, stateful or stateless as its leases are (RFC 9915). */
export function dhcp6Server(
  { lease, leases = {}, delayMs = () => 0 }: Dhcp6Options,
  serverMac: Buffer,
  clock: Clock,
  onEvent: (event: NetworkEvent) => void,
): (message: Buffer, mac: string, answer: (reply: Buffer) => void) => void {
  // DUID-LL (RFC 9915, 11.4).
  const server = Buffer.concat([Buffer.from([0, 3, 0, 1]), serverMac]);
  const given = new Map<string, Dhcp6Lease>();
  const attempts = new Map<string, number>();

  const leaseOf = (mac: string): Dhcp6Lease | undefined => {
    const own = leases[mac] ?? given.get(mac);
    if (own !== undefined || lease === undefined) return own;
    const address = lease.address && formatIp(addressAfter(parseIp(lease.address), given.size));
    const next = { ...lease, address };
    given.set(mac, next);
    return next;
  };

  return (message, mac, answer) => {
    const request = decodeDhcp6Request(message);
    if (request === undefined) return;
    onEvent({ kind: "dhcp6", mac, message: request.message, wantedOptions: request.wantedOptions });
    const attempt = (attempts.get(mac) ?? 0) + 1;
    attempts.set(mac, attempt);
    const own = leaseOf(mac);
    const reply = replyKind(request);
    const isOthers = request.server !== undefined && !request.server.equals(server);
    const wait = delayMs(mac, attempt);
    if (own === undefined || reply === undefined || isOthers || wait === Number.POSITIVE_INFINITY) return;
    const send = () => {
      const gives = reply === "reply" && own.address !== undefined && request.associations.length > 0;
      if (gives) onEvent({ kind: "lease6", mac, address: own.address });
      answer(encodeDhcp6Reply(request, reply, server, own));
    };
    if (wait > 0) clock.after(wait, send);
    else send();
  };
}

function replyKind({ message, rapid }: Dhcp6Request): "advertise" | "reply" | undefined {
  if (message === "advertise" || message === "reply") return undefined;
  return message === "solicit" && !rapid ? "advertise" : "reply";
}
