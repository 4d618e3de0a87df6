import { connect, type Socket } from "node:net";
import { CloudimgError } from "../core/errors.ts";

export interface QmpEvent {
  readonly event: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** A connection to QEMU's control socket (QEMU Machine Protocol specification). */
export interface Qmp {
  /**
   * Runs a command and gives what it returns.
   *
   * Errors: `host/qemu-failed` if QEMU refuses it or the connection is lost.
   */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
  close(): void;
}

interface Reply {
  readonly QMP?: unknown;
  readonly event?: string;
  readonly data?: Record<string, unknown>;
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

interface Waiting {
  readonly command: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * Connects and negotiates (QMP commands are refused until `qmp_capabilities` was sent).
 *
 * Errors: the system's (`ENOENT`, `ECONNREFUSED`) while nobody listens; `host/qemu-failed`.
 */
export async function connectQmp(path: string, onEvent: (event: QmpEvent) => void = () => {}): Promise<Qmp> {
  const socket = await openSocket(path);
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let pending = "";
  let greet: () => void;
  const greeting = new Promise<void>((resolve) => {
    greet = resolve;
  });

  const take = (reply: Reply) => {
    if (reply.QMP !== undefined) greet();
    if (reply.event !== undefined) onEvent({ event: reply.event, ...(reply.data && { data: reply.data }) });
    if (reply.id === undefined) return;
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.error === undefined) asked?.resolve(reply.return);
    else asked?.reject(refused(asked.command, reply.error.desc));
  };
  socket.setEncoding("utf8").on("data", (text: string) => {
    const lines = (pending + text).split("\n");
    pending = lines.pop() as string;
    for (const line of lines) if (line.trim() !== "") take(JSON.parse(line));
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    greet();
    for (const { command, reject } of waiting.values()) reject(refused(command, "the machine has ended"));
    waiting.clear();
  });

  const execute = (command: string, args?: Readonly<Record<string, unknown>>) =>
    new Promise<unknown>((resolve, reject) => {
      if (socket.destroyed) return reject(refused(command, "the machine has ended"));
      const id = nextId++;
      waiting.set(id, { command, resolve, reject });
      socket.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`);
    });
  await greeting;
  await execute("qmp_capabilities");
  return { execute, close: () => socket.destroy() };
}

/** Connects to a socket in the file system. */
export function openSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

function refused(command: string, reason: string): CloudimgError {
  return new CloudimgError({ code: "host/qemu-failed", message: `cannot have QEMU do ${command}: ${reason}` });
}
