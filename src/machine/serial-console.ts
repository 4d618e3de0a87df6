import { close, openSync, read } from "node:fs";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { openSocket } from "./qmp.ts";

/** Our end of a machine's serial console. */
export interface SerialConsole {
  type(bytes: Uint8Array): void;
  /** Gives what is left in the log, and lets go of it. Call it when the machine has ended, or shall go on alone. */
  end(): Promise<void>;
}

const readAt = promisify(read);

/** QEMU writes the log byte by byte, and each would be an event to a file watcher. */
const pauseMs = 20;

/**
 * What the guest prints is read from QEMU's log; the socket is connected only when somebody types. For while a socket's reader falls behind, be it
 * by some milliseconds on a busy host, QEMU waits with the character; but the driver in the guest waits 10 ms at most and writes the next ones
 * over it. Without a reader, every character gets into the log.
 */
export function serialConsole(
  paths: { readonly log: string; readonly socket: string },
  onBytes: (bytes: Uint8Array) => void,
): SerialConsole {
  const fd = openSync(paths.log, "r");
  const over = new AbortController();
  let keyboard: Promise<Socket> | undefined;

  const follow = async () => {
    const buffer = new Uint8Array(64 * 1024);
    for (let position = 0; ; ) {
      const isLast = over.signal.aborted;
      const { bytesRead } = await readAt(fd, buffer, 0, buffer.length, position);
      position += bytesRead;
      if (bytesRead > 0) onBytes(buffer.slice(0, bytesRead));
      else if (isLast) return;
      else await sleep(pauseMs, undefined, { signal: over.signal }).catch(() => {});
    }
  };
  const followed = follow().finally(() => promisify(close)(fd));

  return {
    type(bytes) {
      keyboard ??= openSocket(paths.socket).then((socket) => socket.on("error", () => {}).resume());
      // A machine that has ended takes no keys: it is its end that is told.
      keyboard.then((socket) => socket.write(bytes)).catch(() => {});
    },
    async end() {
      keyboard?.then((socket) => socket.destroy()).catch(() => {});
      over.abort();
      await followed;
    },
  };
}
