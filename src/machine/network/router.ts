import type { Socket } from "node:net";
import {
  canonicalIp,
  contains,
  formatIp,
  formatMac,
  isLinkLocal,
  isMulticast,
  multicastMac,
  type Prefix,
  parseIp,
  parsePrefix,
  solicitedNode,
} from "./addresses.ts";
import { routerAddresses6, routerAdvertisement } from "./advertiser.ts";
import { decodeArp, encodeArp } from "./arp.ts";
import type { Clock } from "./clock.ts";
import { dhcpPorts, dhcpServer } from "./dhcp-server.ts";
import { dhcp6Ports, dhcp6Server } from "./dhcpv6-server.ts";
import { decodeDnsQuery, encodeDnsAnswer } from "./dns.ts";
import { broadcastMac, decodeEthernet, type EthernetFrame, encodeEthernet, etherTypes } from "./ethernet.ts";
import {
  decodeIcmp,
  encodeIcmp,
  type IcmpMessage,
  icmp4,
  icmp6,
  undelivered,
  unreachable4,
  unreachable6,
} from "./icmp.ts";
import { type IpPacket, protocols } from "./ip-packet.ts";
import { decodeIpv4, encodeIpv4 } from "./ipv4.ts";
import { decodeIpv6, encodeIpv6 } from "./ipv6.ts";
import {
  decodeNeighbour,
  encodeNeighbourAdvertisement,
  encodeNeighbourSolicitation,
  encodeRouterAdvertisement,
  ndTypes,
} from "./nd.ts";
import { neighbours } from "./neighbours.ts";
import type { NetworkEvent, VirtualNetworkOptions } from "./options.ts";
import { type Endpoint, tcpHost } from "./tcp-host.ts";
import { decodeUdp, encodeUdp } from "./udp.ts";

/** The one station on the link that is no guest: router, servers, and this host's way to the guests. */
export interface Router {
  /** A frame for it, or for all. */
  receive(frame: Buffer): void;
  /** Connects a socket of this host with a port of a guest. */
  join(socket: Socket, address: string, port: number): void;
  close(): void;
}

export const routerMac = Buffer.from([0x52, 0x55, 0, 0, 0, 1]);

const dnsPort = 53;
const ipv4Any = parseIp("0.0.0.0");
const ipv4All = parseIp("255.255.255.255");
const allNodes = parseIp("ff02::1");
const firstHops = 64;
/** Neighbour discovery is believed only if no router can have passed it on (RFC 4861, 6.1). */
const linkHops = 255;

/** @param send puts a frame on the link @throws RangeError for options that are no addresses */
export function startRouter(
  options: VirtualNetworkOptions,
  clock: Clock,
  send: (frame: Buffer) => void,
  onEvent: (event: NetworkEvent) => void,
): Router {
  const { ipv6, mtuBytes = 1500, dial = () => undefined } = options;
  const networks4 = (options.ipv4 ?? []).map(parsePrefix);
  const networks6 = ipv6 === undefined ? [{ address: parseIp("fe80::1"), length: 64 }] : routerAddresses6(ipv6);
  const networks = [...networks4, ...networks6];
  const services = new Map(
    Object.entries(options.services ?? {}).map(([name, endpoint]) => [serviceKey(name), endpoint]),
  );
  const own = new Set([...networks.map(({ address }) => formatIp(address)), ...[...services.keys()].map(addressOfKey)]);
  const blackhole = (options.blackhole ?? []).map(parsePrefix);
  const names = new Map(Object.entries(options.names ?? {}).map(([name, list]) => [name.toLowerCase(), list]));
  const isOwn = (address: Buffer) => own.has(formatIp(address));
  const isOnLink = (address: Buffer) => networks.some((network) => contains(network, address));
  const serverAddress = networks4[0]?.address ?? parseIp("169.254.1.1");
  const linkAddress = (networks6[0] as Prefix).address;

  // To a card.
  const transmit = (mac: Buffer, packet: Buffer) => {
    const type = (packet[0] as number) >> 4 === 4 ? etherTypes.ipv4 : etherTypes.ipv6;
    send(encodeEthernet({ destination: mac, source: routerMac, type, payload: packet }));
  };
  const encode = (packet: IpPacket) => (packet.source.length === 4 ? encodeIpv4(packet) : encodeIpv6(packet));
  const ask4 = (targetIp: Buffer) => {
    const senderIp = sourceFor(targetIp);
    const payload = encodeArp({
      operation: "request",
      senderMac: routerMac,
      senderIp,
      targetMac: Buffer.alloc(6),
      targetIp,
    });
    send(encodeEthernet({ destination: broadcastMac, source: routerMac, type: etherTypes.arp, payload }));
  };
  const ask6 = (target: Buffer) => {
    const destination = solicitedNode(target);
    const message = encodeNeighbourSolicitation({ target, mac: routerMac });
    transmit(multicastMac(destination), icmpPacket(message, linkAddress, destination, linkHops));
  };
  const known4 = neighbours(clock, ask4, transmit);
  const known6 = neighbours(clock, ask6, transmit);
  const known = (address: Buffer) => (address.length === 4 ? known4 : known6);

  /** The one of our addresses that a neighbour sees as such. */
  const sourceFor = (destination: Buffer): Buffer => {
    const same = networks.find((network) => contains(network, destination));
    if (same !== undefined) return same.address;
    if (destination.length === 4) return serverAddress;
    return isLinkLocal(destination) ? linkAddress : (networks6[1]?.address ?? linkAddress);
  };
  const sendPacket = (packet: IpPacket) => known(packet.destination).send(packet.destination, encode(packet));
  const icmpPacket = (message: IcmpMessage, source: Buffer, destination: Buffer, hops = firstHops) => {
    const protocol = source.length === 4 ? protocols.icmp : protocols.icmpv6;
    return encode({ source, destination, protocol, hops, payload: encodeIcmp(message, source, destination) });
  };
  const sendIcmp = (message: IcmpMessage, source: Buffer, destination: Buffer, hops?: number) =>
    known(destination).send(destination, icmpPacket(message, source, destination, hops));
  const unreachable = (packet: IpPacket, what: "net" | "port") => {
    const body = undelivered(encode(packet));
    const message =
      packet.source.length === 4
        ? { type: icmp4.unreachable, code: unreachable4[what], body }
        : { type: icmp6.unreachable, code: what === "net" ? unreachable6.noRoute : unreachable6.port, body };
    sendIcmp(message, what === "port" ? packet.destination : sourceFor(packet.source), packet.source);
  };

  const tcp = tcpHost({
    ...{ mtuBytes, clock },
    sendPacket: (source, destination, payload) =>
      sendPacket({ source, destination, protocol: protocols.tcp, hops: firstHops, payload }),
    endpointOf: (address, port): Endpoint | undefined => services.get(`${address} ${port}`) ?? dial(address, port),
    onConnect: (event) => onEvent({ kind: "connect", ...event }),
  });
  const dhcp = options.dhcp && dhcpServer(options.dhcp, serverAddress, clock, onEvent);
  const dhcp6 = options.dhcp6 && dhcp6Server(options.dhcp6, routerMac, clock, onEvent);

  const advertise = () => {
    if (ipv6 === undefined || ipv6.silent === true) return;
    const message = encodeRouterAdvertisement(routerAdvertisement(ipv6, routerMac));
    transmit(multicastMac(allNodes), icmpPacket(message, linkAddress, allNodes, linkHops));
  };
  const advertiseAgain = () => {
    clock.after(ipv6?.intervalMs ?? 10_000, () => {
      advertise();
      advertiseAgain();
    });
  };
  if (ipv6 !== undefined) advertiseAgain();

  const takeArp = ({ payload }: EthernetFrame) => {
    const packet = decodeArp(payload);
    if (packet === undefined) return;
    const { senderIp, senderMac, targetIp } = packet;
    // 0.0.0.0 looks whether an address is free (RFC 5227).
    if (!senderIp.equals(ipv4Any)) known4.learn(senderIp, senderMac);
    if (packet.operation !== "request" || !isOwn(targetIp)) return;
    const reply = {
      operation: "reply",
      senderMac: routerMac,
      senderIp: targetIp,
      targetMac: senderMac,
      targetIp: senderIp,
    } as const;
    const type = etherTypes.arp;
    send(encodeEthernet({ destination: senderMac, source: routerMac, type, payload: encodeArp(reply) }));
  };

  const takeNeighbour = (message: IcmpMessage, packet: IpPacket) => {
    const neighbour = decodeNeighbour(message);
    if (neighbour === undefined || packet.hops !== linkHops) return;
    const { target, mac } = neighbour;
    if (message.type === ndTypes.neighbourAdvertisement) {
      if (mac !== undefined) known6.learn(target, mac);
      return;
    }
    const isNobody = packet.source.every((byte) => byte === 0);
    if (mac !== undefined && !isNobody) known6.learn(packet.source, mac);
    if (!isOwn(target)) return;
    const reply = encodeNeighbourAdvertisement({ target, mac: routerMac }, !isNobody);
    if (isNobody) transmit(multicastMac(allNodes), icmpPacket(reply, target, allNodes, linkHops));
    else sendIcmp(reply, target, packet.source, linkHops);
  };

  const takeIcmp = (packet: IpPacket, frame: EthernetFrame) => {
    const message = decodeIcmp(packet.payload, packet.source, packet.destination);
    if (message === undefined) return;
    const [request, answer] =
      packet.source.length === 4 ? [icmp4.echoRequest, icmp4.echoReply] : [icmp6.echoRequest, icmp6.echoReply];
    if (message.type === request) {
      if (isOwn(packet.destination)) sendIcmp({ ...message, type: answer }, packet.destination, packet.source);
      else if (!isMulticast(packet.destination)) unreachable(packet, "net");
    } else if (packet.source.length === 16) {
      if (message.type === ndTypes.routerSolicitation) {
        onEvent({ kind: "router-solicitation", mac: formatMac(frame.source) });
        advertise();
      } else if (message.type === ndTypes.neighbourSolicitation || message.type === ndTypes.neighbourAdvertisement)
        takeNeighbour(message, packet);
    }
  };

  const takeUdp = (packet: IpPacket, frame: EthernetFrame) => {
    const { source, destination } = packet;
    const datagram = decodeUdp(packet.payload, source, destination);
    if (datagram === undefined) return;
    const { sourcePort, destinationPort, payload } = datagram;
    const answerTo = (to: Buffer, from: Buffer, port: number, reply: Buffer): IpPacket => {
      const bytes = encodeUdp({ sourcePort: destinationPort, destinationPort: port, payload: reply }, from, to);
      return { source: from, destination: to, protocol: protocols.udp, hops: firstHops, payload: bytes };
    };
    if (destinationPort === dhcpPorts.server && source.length === 4)
      return dhcp?.(payload, (reply, to) =>
        transmit(
          to.equals(ipv4All) ? broadcastMac : frame.source,
          encode(answerTo(to, serverAddress, dhcpPorts.client, reply)),
        ),
      );
    if (destinationPort === dhcp6Ports.server && source.length === 16)
      return dhcp6?.(payload, formatMac(frame.source), (reply) =>
        transmit(frame.source, encode(answerTo(source, linkAddress, dhcp6Ports.client, reply))),
      );
    const query = destinationPort === dnsPort ? decodeDnsQuery(payload) : undefined;
    if (query !== undefined) {
      onEvent({ kind: "dns", from: formatIp(source), name: query.name, type: query.type });
      return sendPacket(answerTo(source, destination, sourcePort, encodeDnsAnswer(query, names.get(query.name))));
    }
    if (!isMulticast(destination)) unreachable(packet, isOwn(destination) ? "port" : "net");
  };

  const takeIp = (packet: IpPacket | undefined, frame: EthernetFrame) => {
    if (packet === undefined) return;
    const { source, destination, protocol, hops } = packet;
    if (blackhole.some((network) => contains(network, destination))) return;
    if (isOnLink(source) && !isOwn(source)) known(source).suppose(Buffer.from(source), frame.source);
    const stays = isOwn(destination) || isMulticast(destination) || isDirectedBroadcast(destination);
    if (!stays && isOnLink(destination)) {
      if (hops > 1) sendPacket({ ...packet, hops: hops - 1 });
      return;
    }
    if (protocol === protocols.tcp) {
      if (!isMulticast(destination)) tcp.receive(packet);
    } else if (protocol === protocols.udp) takeUdp(packet, frame);
    else if (protocol === protocols.icmp || protocol === protocols.icmpv6) takeIcmp(packet, frame);
  };
  const isDirectedBroadcast = (address: Buffer) =>
    networks4.some((network) => contains(network, address) && hostBitsAreOnes(address, network.length));

  return {
    receive(bytes) {
      const frame = decodeEthernet(bytes);
      if (frame?.type === etherTypes.arp) takeArp(frame);
      else if (frame?.type === etherTypes.ipv4) takeIp(decodeIpv4(frame.payload), frame);
      else if (frame?.type === etherTypes.ipv6) takeIp(decodeIpv6(frame.payload), frame);
    },
    join(socket, address, port) {
      const destination = parseIp(address);
      tcp.join(socket, sourceFor(destination), destination, port);
    },
    close: () => tcp.close(),
  };
}

/** `169.254.169.254:80`, `[fe80::1]:80`: the address as it is always written, and the port. */
function serviceKey(name: string): string {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(name) ?? [];
  if (port === undefined) throw new RangeError(`${name} is not an address with a port`);
  return `${canonicalIp((bracketed ?? plain) as string)} ${port}`;
}

function addressOfKey(key: string): string {
  return key.split(" ")[0] as string;
}

function hostBitsAreOnes(address: Buffer, length: number): boolean {
  return (
    length < 31 &&
    (address.readUInt32BE(0) | (length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0)) >>> 0 === 0xffffffff
  );
}
