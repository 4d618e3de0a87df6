import type { Socket } from "node:net";
import { contains, formatIp, formatMac, isMulticast, parseIp, parsePrefix } from "./addresses.ts";
import { routerAdvertisement } from "./advertiser.ts";
import type { Clock } from "./clock.ts";
import { dhcpPorts, dhcpServer } from "./dhcp-server.ts";
import { dhcp6Ports, dhcp6Server } from "./dhcpv6-server.ts";
import { decodeDnsQuery, encodeDnsAnswer } from "./dns.ts";
import type { JoinOutcome } from "./entrance.ts";
import { broadcastMac, decodeEthernet, type EthernetFrame, etherTypes } from "./ethernet.ts";
import { decodeIcmp, icmp4, icmp6, undelivered, unreachable4, unreachable6 } from "./icmp.ts";
import { type IpPacket, protocols } from "./ip-packet.ts";
import { decodeIpv4 } from "./ipv4.ts";
import { decodeIpv6 } from "./ipv6.ts";
import { encodeIp, firstHops, routerMac, startLink } from "./link.ts";
import { encodeRouterAdvertisement, ndTypes } from "./nd.ts";
import type { NetworkEvent, VirtualNetworkOptions } from "./options.ts";
import { ownAddresses } from "./own-addresses.ts";
import { tcpHost } from "./tcp-host.ts";
import { decodeUdp, encodeUdp } from "./udp.ts";

/** The one station on the link that is no guest: router, servers, and this host's way to the guests. */
export interface Router {
  /** A frame for it, or for all. */
  receive(frame: Buffer): void;
  /** Connects a socket of this host with a port of a guest. Tells when that is open, and when it is over. */
  join(socket: Socket, address: string, port: number, told?: (outcome: JoinOutcome) => void): void;
  close(): void;
}

const dnsPort = 53;
const ipv4All = parseIp("255.255.255.255");

/** @param send puts a frame on the link @throws RangeError for options that are no addresses */
export function startRouter(
  options: VirtualNetworkOptions,
  clock: Clock,
  send: (frame: Buffer) => void,
  onEvent: (event: NetworkEvent) => void,
): Router {
  const { ipv6, mtuBytes = 1500, dial = () => undefined } = options;
  const own = ownAddresses(options);
  const link = startLink(own, clock, send);
  const blackhole = (options.blackhole ?? []).map(parsePrefix);
  const names = new Map(Object.entries(options.names ?? {}).map(([name, list]) => [name.toLowerCase(), list]));
  const dhcp = options.dhcp && dhcpServer(options.dhcp, own.server, clock, onEvent);
  const dhcp6 = options.dhcp6 && dhcp6Server(options.dhcp6, routerMac, clock, onEvent);
  const tcp = tcpHost({
    ...{ mtuBytes, clock },
    sendPacket: (source, destination, payload) =>
      link.send({ source, destination, protocol: protocols.tcp, hops: firstHops, payload }),
    endpointOf: (address, port) => own.service(address, port) ?? dial(address, port),
    onConnect: (event) => onEvent({ kind: "connect", ...event }),
  });

  const advertise = () => {
    if (ipv6 !== undefined && ipv6.silent !== true)
      link.sendToAllNodes(encodeRouterAdvertisement(routerAdvertisement(ipv6, routerMac)));
  };
  const advertiseAgain = () => {
    clock.after(ipv6?.intervalMs ?? 10_000, () => {
      advertise();
      advertiseAgain();
    });
  };
  if (ipv6 !== undefined) advertiseAgain();

  const unreachable = (packet: IpPacket, what: "net" | "port") => {
    const body = undelivered(encodeIp(packet));
    const message =
      packet.source.length === 4
        ? { type: icmp4.unreachable, code: unreachable4[what], body }
        : { type: icmp6.unreachable, code: what === "net" ? unreachable6.noRoute : unreachable6.port, body };
    link.sendIcmp(message, what === "port" ? packet.destination : own.sourceFor(packet.source), packet.source);
  };

  const takeIcmp = (packet: IpPacket, frame: EthernetFrame) => {
    const { source, destination, payload } = packet;
    const message = decodeIcmp(payload, source, destination);
    if (message === undefined) return;
    const { echoRequest, echoReply } = source.length === 4 ? icmp4 : icmp6;
    if (message.type === echoRequest) {
      if (own.isOwn(destination)) link.sendIcmp({ ...message, type: echoReply }, destination, source);
      else if (!isMulticast(destination)) unreachable(packet, "net");
    } else if (source.length === 16) {
      if (message.type === ndTypes.routerSolicitation) {
        onEvent({ kind: "router-solicitation", mac: formatMac(frame.source) });
        advertise();
      } else if (message.type === ndTypes.neighbourSolicitation || message.type === ndTypes.neighbourAdvertisement)
        link.takeNeighbour(message, packet);
    }
  };

  const takeUdp = (packet: IpPacket, frame: EthernetFrame) => {
    const { source, destination } = packet;
    const datagram = decodeUdp(packet.payload, source, destination);
    if (datagram === undefined) return;
    const { sourcePort, destinationPort, payload } = datagram;
    const answer = (from: Buffer, to: Buffer, port: number, reply: Buffer): IpPacket => {
      const bytes = encodeUdp({ sourcePort: destinationPort, destinationPort: port, payload: reply }, from, to);
      return { source: from, destination: to, protocol: protocols.udp, hops: firstHops, payload: bytes };
    };
    if (destinationPort === dhcpPorts.server && source.length === 4)
      return dhcp?.(payload, (reply, to) => {
        const mac = to.equals(ipv4All) ? broadcastMac : frame.source;
        link.sendTo(mac, answer(own.server, to, dhcpPorts.client, reply));
      });
    if (destinationPort === dhcp6Ports.server && source.length === 16)
      return dhcp6?.(payload, formatMac(frame.source), (reply) =>
        link.sendTo(frame.source, answer(own.link, source, dhcp6Ports.client, reply)),
      );
    const query = destinationPort === dnsPort ? decodeDnsQuery(payload) : undefined;
    if (query !== undefined) {
      onEvent({ kind: "dns", from: formatIp(source), name: query.name, type: query.type });
      return link.send(answer(destination, source, sourcePort, encodeDnsAnswer(query, names.get(query.name))));
    }
    if (!isMulticast(destination)) unreachable(packet, own.isOwn(destination) ? "port" : "net");
  };

  const takeIp = (packet: IpPacket | undefined, frame: EthernetFrame) => {
    if (packet === undefined) return;
    const { source, destination, protocol, hops } = packet;
    if (blackhole.some((network) => contains(network, destination))) return;
    if (own.isOnLink(source) && !own.isOwn(source)) link.suppose(source, frame.source);
    const isForMany = isMulticast(destination) || own.isBroadcast(destination);
    if (!isForMany && !own.isOwn(destination) && own.isOnLink(destination)) {
      if (hops > 1) link.send({ ...packet, hops: hops - 1 });
      return;
    }
    if (protocol === protocols.udp) takeUdp(packet, frame);
    else if (protocol === protocols.icmp || protocol === protocols.icmpv6) takeIcmp(packet, frame);
    else if (protocol === protocols.tcp && !isForMany) tcp.receive(packet);
  };

  return {
    receive(bytes) {
      const frame = decodeEthernet(bytes);
      if (frame?.type === etherTypes.arp) link.takeArp(frame.payload);
      else if (frame?.type === etherTypes.ipv4) takeIp(decodeIpv4(frame.payload), frame);
      else if (frame?.type === etherTypes.ipv6) takeIp(decodeIpv6(frame.payload), frame);
    },
    join(socket, address, port, told) {
      const destination = parseIp(address);
      tcp.join(socket, own.sourceFor(destination), destination, port, told);
    },
    close: () => tcp.close(),
  };
}
