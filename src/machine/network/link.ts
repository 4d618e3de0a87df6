import { multicastMac, parseIp, solicitedNode } from "./addresses.ts";
import { decodeArp, encodeArp } from "./arp.ts";
import type { Clock } from "./clock.ts";
import { broadcastMac, encodeEthernet, etherTypes } from "./ethernet.ts";
import { encodeIcmp, type IcmpMessage } from "./icmp.ts";
import { type IpPacket, protocols } from "./ip-packet.ts";
import { encodeIpv4 } from "./ipv4.ts";
import { encodeIpv6 } from "./ipv6.ts";
import { decodeNeighbour, encodeNeighbourAdvertisement, encodeNeighbourSolicitation, ndTypes } from "./nd.ts";
import { neighbours } from "./neighbours.ts";
import type { OwnAddresses } from "./own-addresses.ts";

/** The router's way to the guests: it finds out who has an address, and says which are its own. */
export interface Link {
  /** To whoever has the destination, now or once that is known. */
  send(packet: IpPacket): void;
  sendIcmp(message: IcmpMessage, source: Buffer, destination: Buffer): void;
  /** To all on the link. */
  sendToAllNodes(message: IcmpMessage): void;
  /** To one card, whatever its address. */
  sendTo(mac: Buffer, packet: IpPacket): void;
  /** That a packet with this source came from this card. */
  suppose(source: Buffer, mac: Buffer): void;
  takeArp(payload: Buffer): void;
  takeNeighbour(message: IcmpMessage, packet: IpPacket): void;
}

export const routerMac = Buffer.from([0x52, 0x55, 0, 0, 0, 1]);
/** Of what the router itself sends. */
export const firstHops = 64;
/** Neighbour discovery is believed only if no router can have passed it on (RFC 4861, 6.1). */
const linkHops = 255;
const ipv4Any = parseIp("0.0.0.0");
const allNodes = parseIp("ff02::1");

/** The bytes of a packet of either family. */
export function encodeIp(packet: IpPacket): Buffer {
  return packet.source.length === 4 ? encodeIpv4(packet) : encodeIpv6(packet);
}

/** @param send puts a frame on the link */
export function startLink(own: OwnAddresses, clock: Clock, send: (frame: Buffer) => void): Link {
  const transmit = (mac: Buffer, packet: Buffer) => {
    const type = (packet[0] as number) >> 4 === 4 ? etherTypes.ipv4 : etherTypes.ipv6;
    send(encodeEthernet({ destination: mac, source: routerMac, type, payload: packet }));
  };
  const sendArp = (operation: "request" | "reply", mac: Buffer, senderIp: Buffer, targetIp: Buffer) => {
    const targetMac = operation === "request" ? Buffer.alloc(6) : mac;
    const payload = encodeArp({ operation, senderMac: routerMac, senderIp, targetMac, targetIp });
    send(encodeEthernet({ destination: mac, source: routerMac, type: etherTypes.arp, payload }));
  };
  const ask4 = (address: Buffer) => sendArp("request", broadcastMac, own.sourceFor(address), address);
  const ask6 = (target: Buffer) => {
    const destination = solicitedNode(target);
    const message = encodeNeighbourSolicitation({ target, mac: routerMac });
    transmit(multicastMac(destination), icmpPacket(message, own.link, destination, linkHops));
  };
  const known4 = neighbours(clock, ask4, transmit);
  const known6 = neighbours(clock, ask6, transmit);
  const known = (address: Buffer) => (address.length === 4 ? known4 : known6);
  const sendToAllNodes = (message: IcmpMessage, source = own.link) =>
    transmit(multicastMac(allNodes), icmpPacket(message, source, allNodes, linkHops));

  return {
    send: (packet) => known(packet.destination).send(packet.destination, encodeIp(packet)),
    sendIcmp: (message, source, destination) =>
      known(destination).send(destination, icmpPacket(message, source, destination, firstHops)),
    sendToAllNodes: (message) => sendToAllNodes(message),
    sendTo: (mac, packet) => transmit(mac, encodeIp(packet)),
    suppose: (source, mac) => known(source).suppose(source, mac),
    takeArp(payload) {
      const packet = decodeArp(payload);
      if (packet === undefined) return;
      const { operation, senderIp, senderMac, targetIp } = packet;
      // 0.0.0.0 looks whether an address is free (RFC 5227).
      if (!senderIp.equals(ipv4Any)) known4.learn(senderIp, senderMac);
      if (operation === "request" && own.isOwn(targetIp)) sendArp("reply", senderMac, targetIp, senderIp);
    },
    takeNeighbour(message, packet) {
      const neighbour = decodeNeighbour(message);
      if (neighbour === undefined || packet.hops !== linkHops) return;
      const { target, mac } = neighbour;
      if (message.type === ndTypes.neighbourAdvertisement) {
        if (mac !== undefined) known6.learn(target, mac);
        return;
      }
      // Who has no address yet looks whether one is free (RFC 4862, 5.4.3).
      const isNobody = packet.source.every((byte) => byte === 0);
      if (mac !== undefined && !isNobody) known6.learn(packet.source, mac);
      if (!own.isOwn(target)) return;
      const reply = encodeNeighbourAdvertisement({ target, mac: routerMac }, !isNobody);
      if (isNobody) sendToAllNodes(reply, target);
      else known6.send(packet.source, icmpPacket(reply, target, packet.source, linkHops));
    },
  };
}

function icmpPacket(message: IcmpMessage, source: Buffer, destination: Buffer, hops: number): Buffer {
  const protocol = source.length === 4 ? protocols.icmp : protocols.icmpv6;
  return encodeIp({ source, destination, protocol, hops, payload: encodeIcmp(message, source, destination) });
}
