import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { isMulticastMac } from "./addresses.ts";
import { framed, frameReader } from "./framing.ts";
import { makeSocketDirectory } from "./socket-directory.ts";

/** A learning switch: guests' cards on sockets, and one port for the router. */
export interface Switch {
  /** A new port: the path of a socket for QEMU. One card at a time, but a later machine may take its place. */
  plug(): Promise<string>;
  /** From the router to whoever it is for. */
  send(frame: Buffer): void;
  close(): Promise<void>;
}

interface Port {
  readonly server: Server;
  socket?: Socket | undefined;
}

/** A card that takes nothing loses frames, as on any switch. */
const mostWaitingBytes = 16 * 1024 * 1024;

/** @param onFrame takes what is for the router, or for all */
export function startSwitch(routerMac: Buffer, onFrame: (frame: Buffer) => void): Switch {
  const directory = makeSocketDirectory();
  const ports: Port[] = [];
  const learnt = new Map<string, Port>();

  const deliver = ({ socket }: Port, bytes: Buffer) => {
    if (socket !== undefined && socket.writableLength < mostWaitingBytes) socket.write(bytes);
  };
  const forward = (frame: Buffer, from: Port | undefined) => {
    const port = learnt.get(frame.toString("latin1", 0, 6));
    if (port === from && port !== undefined) return;
    const bytes = framed(frame);
    if (port !== undefined) return deliver(port, bytes);
    for (const other of ports) if (other !== from) deliver(other, bytes);
  };
  const receive = (frame: Buffer, port: Port) => {
    if (frame.length < 14) return;
    const source = frame.subarray(6, 12);
    if (!isMulticastMac(source)) learnt.set(source.toString("latin1"), port);
    const isOurs = frame.compare(routerMac, 0, 6, 0, 6) === 0;
    if (isOurs || isMulticastMac(frame)) onFrame(frame);
    if (!isOurs) forward(frame, port);
  };
  const connected = (socket: Socket, port: Port) => {
    port.socket?.destroy();
    port.socket = socket;
    const read = frameReader((frame) => receive(frame, port));
    socket.on("data", (bytes: Buffer) => {
      try {
        read(bytes);
      } catch {
        socket.destroy();
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      if (port.socket !== socket) return;
      port.socket = undefined;
      for (const [mac, known] of learnt) if (known === port) learnt.delete(mac);
    });
  };

  return {
    async plug() {
      const server = createServer((socket) => connected(socket, port));
      const port: Port = { server };
      const path = join(directory, `${ports.length}.sock`);
      ports.push(port);
      await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
      return path;
    },
    send: (frame) => forward(frame, undefined),
    async close() {
      for (const { socket } of ports) socket?.destroy();
      const closed = ports.map(({ server }) => new Promise((resolve) => server.close(resolve)));
      rmSync(directory, { recursive: true, force: true });
      await Promise.all(closed);
    },
  };
}
