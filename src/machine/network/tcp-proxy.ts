import type { Socket } from "node:net";
import type { TcpConnection, TcpEvents } from "./tcp-connection.ts";

/** Joins a connection of the virtual network with a socket of this host: what comes from one goes into the other, no faster than it is taken. */
export function joinSocket(socket: Socket, connection: () => TcpConnection): TcpEvents {
  let over = false;
  socket.setNoDelay(true);
  socket.pause();
  socket.on("data", (bytes: Buffer) => {
    if (!connection().write(bytes)) socket.pause();
  });
  socket.on("end", () => connection().end());
  const abandon = () => {
    if (over) return;
    over = true;
    connection().reset();
  };
  socket.on("error", abandon);
  socket.on("close", () => {
    // Having told its end it has given all, even if that is still under way to the guest.
    if (!socket.readableEnded) abandon();
  });
  return {
    onOpen: () => void socket.resume(),
    onData: (bytes) => void socket.write(bytes, () => connection().consumed(bytes.length)),
    onEnd: () => void socket.end(),
    onDrain: () => void socket.resume(),
    onClosed(why) {
      if (over) return;
      over = true;
      if (why === "end") socket.destroySoon();
      else socket.resetAndDestroy();
    },
  };
}
