import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { formatIp } from "./addresses.ts";
import type { Clock } from "./clock.ts";
import type { JoinOutcome } from "./entrance.ts";
import type { IpPacket } from "./ip-packet.ts";
import { type TcpConnection, type TcpEvents, tcpConnection } from "./tcp-connection.ts";
import { joinSocket } from "./tcp-proxy.ts";
import { decodeTcp, encodeTcp, noBytes, type TcpPorts, type TcpSegment } from "./tcp-segment.ts";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** All TCP connections between guests and this host. */
export interface TcpHost {
  /** A packet of a guest, for any address. */
  receive(packet: IpPacket): void;
  /** Connects a socket of this host with a guest. */
  join(socket: Socket, source: Buffer, destination: Buffer, port: number, told?: (outcome: JoinOutcome) => void): void;
  close(): void;
}

export interface TcpHostSettings {
  readonly mtuBytes: number;
  readonly clock: Clock;
  sendPacket(source: Buffer, destination: Buffer, payload: Buffer): void;
  /** Where a connection that a guest makes really leads. */
  endpointOf(address: string, port: number): Endpoint | undefined;
  onConnect(event: { from: string; to: string; port: number; outcome: "open" | "refused" }): void;
}

interface Flow {
  readonly connection: TcpConnection;
  readonly socket: Socket;
}

const ipHeaderBytes = { 4: 20, 16: 40 } as const;
const tcpHeaderBytes = 20;
const firstPort = 32_768;

export function tcpHost(settings: TcpHostSettings): TcpHost {
  const { mtuBytes, clock } = settings;
  const flows = new Map<string, Flow>();
  let nextPort = firstPort + (randomBytes(2).readUInt16BE(0) % 16_384);

  const sendSegment = (segment: TcpSegment, ports: TcpPorts, source: Buffer, destination: Buffer) =>
    settings.sendPacket(source, destination, encodeTcp(segment, ports, source, destination));

  const open = (
    socket: Socket,
    ours: Buffer,
    ourPort: number,
    theirs: Buffer,
    theirPort: number,
    first?: TcpSegment,
    told?: (outcome: JoinOutcome) => void,
  ) => {
    const [source, destination] = [Buffer.from(ours), Buffer.from(theirs)];
    const ports = { sourcePort: ourPort, destinationPort: theirPort };
    const key = keyOf(source, ourPort, destination, theirPort);
    const joined = joinSocket(socket, () => connection);
    const events: TcpEvents = {
      ...joined,
      onOpen() {
        joined.onOpen?.();
        told?.("open");
      },
      onClosed(why) {
        if (flows.get(key)?.connection === connection) flows.delete(key);
        joined.onClosed(why);
        told?.(why);
      },
    };
    const segmentBytes = mtuBytes - ipHeaderBytes[source.length as 4 | 16] - tcpHeaderBytes;
    const connection: TcpConnection = tcpConnection(
      {
        ...{ initialSequence: randomBytes(4).readUInt32BE(0), segmentBytes, clock },
        // The first is sent before the caller has the connection.
        send: (segment) => sendSegment(segment, ports, source, destination),
      },
      events,
      first,
    );
    flows.set(key, { connection, socket });
    return connection;
  };

  const answer = (segment: TcpSegment, ports: TcpPorts, source: Buffer, destination: Buffer) => {
    const address = formatIp(destination);
    const event = { from: formatIp(source), to: address, port: ports.destinationPort };
    const endpoint = settings.endpointOf(address, ports.destinationPort);
    if (endpoint === undefined) {
      settings.onConnect({ ...event, outcome: "refused" });
      return refuse(segment, ports, source, destination);
    }
    const socket = connect({ ...endpoint, allowHalfOpen: true });
    const connection = open(socket, destination, ports.destinationPort, source, ports.sourcePort, segment);
    const onRefused = () => settings.onConnect({ ...event, outcome: "refused" });
    socket.once("error", onRefused);
    socket.once("connect", () => {
      socket.off("error", onRefused);
      settings.onConnect({ ...event, outcome: "open" });
      connection.accept();
    });
  };

  /** RFC 9293, 3.10.7.1. */
  const refuse = (segment: TcpSegment, ports: TcpPorts, source: Buffer, destination: Buffer) => {
    if (segment.rst === true) return;
    const lengthBytes = segment.payload.length + (segment.syn ? 1 : 0) + (segment.fin ? 1 : 0);
    const reset =
      segment.acknowledged === undefined
        ? { sequence: 0, acknowledged: (segment.sequence + lengthBytes) >>> 0 }
        : { sequence: segment.acknowledged };
    const back = { sourcePort: ports.destinationPort, destinationPort: ports.sourcePort };
    sendSegment({ ...reset, rst: true, window: 0, payload: noBytes }, back, destination, source);
  };

  return {
    receive({ source, destination, payload }) {
      const decoded = decodeTcp(payload, source, destination);
      if (decoded === undefined) return;
      const { segment, ports } = decoded;
      const key = keyOf(destination, ports.destinationPort, source, ports.sourcePort);
      const flow = flows.get(key);
      const isNew = segment.syn === true && segment.acknowledged === undefined;
      if (flow !== undefined && !(isNew && flow.connection.isOver())) flow.connection.receive(segment);
      else if (isNew) answer(segment, ports, source, destination);
      else refuse(segment, ports, source, destination);
    },
    join(socket, source, destination, port, told) {
      for (let tries = 0; tries < 16_384; tries++) {
        nextPort = nextPort >= 60_999 ? firstPort : nextPort + 1;
        if (!flows.has(keyOf(source, nextPort, destination, port))) break;
      }
      open(socket, source, nextPort, destination, port, undefined, told);
    },
    close() {
      for (const { connection, socket } of flows.values()) {
        connection.reset();
        socket.destroy();
      }
      flows.clear();
    },
  };
}

function keyOf(ours: Buffer, ourPort: number, theirs: Buffer, theirPort: number): string {
  return `${ours.toString("latin1")}${theirs.toString("latin1")}${ourPort}:${theirPort}`;
}
