import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Client, ClientChannel, ConnectConfig, ServerHostKeyAlgorithm } from "ssh2";
import { AttemptFailure } from "./attempts.ts";
import type { Dial } from "./dial.ts";

export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** In OpenSSH's file format. */
  readonly privateKey: string;
  /**
   * Host keys that the server may show: `ssh-ed25519 AAAA…`. Asked before each connection; while there are none, nothing is connected to. Without it the
   * first key that is seen is trusted from then on.
   */
  readonly hostKeys?: (() => readonly string[]) | undefined;
  /** How to connect. Default: directly. */
  readonly dial?: Dial | undefined;
}

export interface CommandOutcome {
  /** Undefined if a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** One connection that several commands share. It is made when it is needed and made again when it was lost. */
export interface SshSession {
  /** Errors: AttemptFailure. */
  run(command: string, signal: AbortSignal): Promise<CommandOutcome>;
  /** `SHA256:…`, as ssh prints it, of the key that the server showed. */
  fingerprint(): string | undefined;
  /** Whether anybody could log in so far. */
  hasLoggedIn(): boolean;
  close(): void;
}

/**
 * A port that is forwarded to a guest may take connections long before the guest does: a server that is there says so at once (RFC 4253,
 * section 4.2), so a silent one is left soon.
 */
const greetingMs = 5_000;
/** Key exchange and log-in, which take seconds in an emulated guest. */
const handshakeMs = 60_000;
const mostOutputBytes = 1024 * 1024;

export function sshSession(target: SshTarget): SshSession {
  let client: Client | undefined;
  let trusted: Buffer | undefined;
  let loggedIn = false;

  const open = async (signal: AbortSignal): Promise<Client> => {
    const expected = target.hostKeys?.();
    if (expected !== undefined && expected.length === 0)
      throw new AttemptFailure("the instance has not printed its host keys on the console");
    const socket = await openGreeted(target, signal);
    const { Client } = (await import("ssh2")).default;
    const opened = new Client();
    let mismatch: string | undefined;
    const config: ConnectConfig = {
      sock: socket,
      username: target.user,
      privateKey: target.privateKey,
      readyTimeout: handshakeMs,
      hostVerifier(shown: Buffer) {
        const known = expected?.map(keyOfLine) ?? (trusted === undefined ? [shown] : [trusted]);
        if (known.some((key) => key.equals(shown))) trusted = shown;
        else
          mismatch = `the server showed the host key ${fingerprintOf(shown)}, not ${[...new Set(known.map(fingerprintOf))].join(" or ")}`;
        return mismatch === undefined;
      },
    };
    const types = serverAlgorithms(expected);
    if (types.length > 0) config.algorithms = { serverHostKey: types };
    try {
      await new Promise<void>((resolve, reject) => {
        opened.once("ready", resolve);
        opened.once("error", reject);
        opened.once("close", () => reject(new Error("the server closed the connection")));
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        opened.connect(config);
      });
    } catch (error) {
      opened.on("error", () => {}).destroy();
      socket.destroy();
      if (mismatch !== undefined) throw new AttemptFailure(mismatch, { final: true, code: "check/host-key" });
      if (signal.aborted) throw error;
      // What is wrong with the key stays wrong: a pass phrase, or a kind of key that is not known.
      const final = messageOf(error).startsWith("Cannot parse privateKey");
      throw new AttemptFailure(`cannot log in as ${target.user}: ${messageOf(error)}`, { final, cause: error });
    }
    loggedIn = true;
    opened.on("error", () => {});
    opened.once("close", () => {
      if (client === opened) client = undefined;
    });
    return opened;
  };

  return {
    async run(command, signal) {
      client ??= await open(signal);
      try {
        return await runCommand(client, command, signal);
      } catch (error) {
        client?.destroy();
        client = undefined;
        throw error;
      }
    },
    fingerprint: () => (trusted === undefined ? undefined : fingerprintOf(trusted)),
    hasLoggedIn: () => loggedIn,
    close() {
      client?.end();
      client = undefined;
    },
  };
}

async function openGreeted({ host, port, dial }: SshTarget, signal: AbortSignal): Promise<Socket> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(greetingMs)]);
  let socket: Socket | undefined;
  try {
    socket = dial === undefined ? connect({ host, port, noDelay: true }) : await dial({ host, port }, either);
    // What it says stays in the socket for whoever reads it next.
    const ended = once(socket, "end", { signal: either }).then(() => false);
    ended.catch(() => {});
    const greeted = await Promise.race([once(socket, "readable", { signal: either }).then(() => true), ended]);
    if (!greeted || socket.readableLength === 0) throw new Error("it closes the connection");
    return socket;
  } catch (error) {
    socket?.on("error", () => {}).destroy();
    if (signal.aborted) throw error;
    const reason = either.aborted ? "it does not answer" : messageOf(error);
    throw new AttemptFailure(`cannot connect to the ssh server at ${host}:${port}: ${reason}`, { cause: error });
  }
}

function runCommand(client: Client, command: string, signal: AbortSignal): Promise<CommandOutcome> {
  return new Promise((resolve, reject) => {
    const lost = () => reject(new AttemptFailure("the connection was lost while the command ran"));
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    client.once("close", lost);
    const onStream = (error: Error | undefined, stream: ClientChannel) => {
      if (error !== undefined) return reject(new AttemptFailure(`cannot run the command: ${error.message}`));
      const stdout = collector();
      const stderr = collector();
      let ended: Pick<CommandOutcome, "exitCode" | "signal"> | undefined;
      stream.on("data", stdout.take);
      stream.stderr.on("data", stderr.take);
      stream.on("exit", (code: number | null, name?: string) => {
        ended = { exitCode: code ?? undefined, signal: code === null ? name : undefined };
      });
      stream.on("close", () => {
        client.off("close", lost);
        if (ended === undefined) return lost();
        resolve({ ...ended, stdout: stdout.text(), stderr: stderr.text() });
      });
    };
    try {
      client.exec(command, onStream);
    } catch (error) {
      // The connection was lost a moment ago, and its end is not told yet.
      reject(new AttemptFailure(`cannot run the command: ${messageOf(error)}`));
    }
  });
}

function collector(): { take(chunk: Buffer): void; text(): string } {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  return {
    take(chunk) {
      if (sizeBytes < mostOutputBytes) chunks.push(chunk);
      sizeBytes += chunk.length;
    },
    text: () => Buffer.concat(chunks).toString("utf8", 0, mostOutputBytes),
  };
}

/**
 * The server is only asked for kinds of keys that we know, or it might show another of its own. RFC 8332: RSA keys sign in two ways. Kinds that ssh2 does
 * not speak are left out.
 */
function serverAlgorithms(lines: readonly string[] = []): ServerHostKeyAlgorithm[] {
  return lines.flatMap((line) => algorithmsOfKey[line.split(" ")[0] as string] ?? []);
}

const algorithmsOfKey: Record<string, ServerHostKeyAlgorithm[]> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};

function keyOfLine(line: string): Buffer {
  return Buffer.from(line.split(" ")[1] ?? "", "base64");
}

function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  return error instanceof Error ? error.message : String(error);
}
