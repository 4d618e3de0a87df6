import { addressAfter, formatIp, formatMac, parseIp, parsePrefix } from "./addresses.ts";
import type { Clock } from "./clock.ts";
import { type DhcpLease, type DhcpRequest, decodeDhcpRequest, encodeDhcpReply } from "./dhcp.ts";
import type { DhcpOptions, NetworkEvent } from "./options.ts";

export const dhcpPorts = { server: 67, client: 68 } as const;

/** A reply, and the address that it goes to; the card is the one that asked. */
export type DhcpAnswer = (reply: Buffer, destination: Buffer) => void;

/** A DHCP server (RFC 2131): takes what a client sends, and answers now or later, or not at all. */
export function dhcpServer(
  { lease, leases = {}, delayMs = () => 0 }: DhcpOptions,
  server: Buffer,
  clock: Clock,
  onEvent: (event: NetworkEvent) => void,
): (message: Buffer, answer: DhcpAnswer) => void {
  const given = new Map<string, DhcpLease>();
  const attempts = new Map<string, number>();

  const leaseOf = (mac: string): DhcpLease | undefined => {
    const own = leases[mac] ?? given.get(mac);
    if (own !== undefined || lease === undefined) return own;
    const { address, length } = parsePrefix(lease.address);
    const next = { ...lease, address: `${formatIp(addressAfter(address, given.size))}/${length}` };
    given.set(mac, next);
    return next;
  };
  const replyTo = (
    request: DhcpRequest,
    mac: string,
  ): [message: "offer" | "ack" | "nak", lease?: DhcpLease] | undefined => {
    const own = leaseOf(mac);
    const isOthers = request.server !== undefined && !request.server.equals(server);
    if (own === undefined || isOthers) return undefined;
    if (request.message === "discover") return ["offer", own];
    if (request.message === "inform") return ["ack", own];
    if (request.message !== "request") return undefined;
    const { address } = parsePrefix(own.address);
    const wanted = request.wantedAddress ?? request.client;
    return wanted.equals(address) ? ["ack", own] : ["nak"];
  };

  return (message, answer) => {
    const request = decodeDhcpRequest(message);
    if (request === undefined) return;
    const mac = formatMac(request.mac);
    onEvent({ kind: "dhcp", mac, message: request.message, wantedOptions: request.wantedOptions });
    const attempt = (attempts.get(mac) ?? 0) + 1;
    attempts.set(mac, attempt);
    const reply = replyTo(request, mac);
    const wait = delayMs(mac, attempt);
    if (reply === undefined || wait === Number.POSITIVE_INFINITY) return;
    const [kind, told] = reply;
    const isConfigured = request.client.some((byte) => byte !== 0);
    const unicast = told === undefined ? undefined : parsePrefix(told.address).address;
    const destination =
      kind === "nak" || unicast === undefined || (request.broadcast && !isConfigured)
        ? everybody
        : isConfigured
          ? request.client
          : unicast;
    const send = () => {
      if (kind === "ack" && told !== undefined) onEvent({ kind: "lease", mac, address: told.address });
      answer(encodeDhcpReply(request, kind, server, told), destination);
    };
    if (wait > 0) clock.after(wait, send);
    else send();
  };
}

const everybody = parseIp("255.255.255.255");
