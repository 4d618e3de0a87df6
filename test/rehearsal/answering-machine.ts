import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { gunzipSync } from "node:zlib";
import ssh2 from "ssh2";
import { parse } from "yaml";
import { fromByteString, toByteString } from "../../src/guest-config/user-data/byte-strings.ts";
import { mimeLeaves } from "../../src/guest-config/user-data/mime.ts";
import type { CloudName } from "../../src/providers/cloud.ts";
import type { MachineMaker, MachineOrder } from "../../src/rehearsal/machine-maker.ts";
import { makeRunKey } from "../../src/smoke/run-key.ts";
import { type Listening, startHttpServer, startSshServer } from "../smoke/servers.ts";

export interface CommandAnswer {
  readonly stdout?: string;
  readonly stderr?: string;
  /** Default: 0. */
  readonly exitCode?: number;
}

export type AnswersCommands =
  | Readonly<Record<string, string | CommandAnswer>>
  | ((command: string, order: MachineOrder) => string | CommandAnswer | undefined);

/** What is out of joint with the instances. */
export interface AnsweringOptions {
  /** `other`: the ssh server shows a key that is not the one that the console tells, nor the one that it was given. */
  readonly hostKey?: "told" | "other";
  /** It runs, prints a kernel's lines, and nobody answers. */
  readonly neverAnswers?: boolean;
  /** So long after its start it ends by itself. */
  readonly diesAfterMs?: number;
  /** Of its page. Default: one that names the instance. */
  readonly page?: string;
  /** Before the usual answers. */
  readonly commands?: AnswersCommands;
  /** Told of each instance that starts. */
  readonly onStart?: (order: MachineOrder) => void;
}

/**
 * Instances that answer in this process, without a boot: ssh at port 22 for the keys of the order and of its user data, HTTP at port 80, a console as that of our images.
 */
export function answeringMachines(options: AnsweringOptions = {}): MachineMaker {
  return async (order, network, signal) => {
    signal.throwIfAborted();
    options.onStart?.(order);
    const told = configsIn(order.userData);
    const hostKey = hostKeyIn(told) ?? (await makeRunKey(`root@${order.hostname}`)).privateKey;
    const shownKey = options.hostKey === "other" ? (await makeRunKey()).privateKey : hostKey;
    const servers: Record<number, Listening> = {};
    if (options.neverAnswers !== true) {
      const authorizedKey = [...(order.publicKeyLine === undefined ? [] : [order.publicKeyLine]), ...keysIn(told)];
      servers[22] = await startSshServer({
        hostKeys: [shownKey],
        authorizedKey,
        onCommand(command, channel) {
          const { stdout, stderr, exitCode = 0 } = answer(command, order, options.commands);
          if (stdout !== undefined) channel.write(stdout);
          if (stderr !== undefined) channel.stderr.write(stderr);
          channel.exit(exitCode);
          channel.end();
        },
      });
      servers[80] = await startHttpServer((_request, response) => {
        response.setHeader("content-type", "text/html");
        response.end(options.page ?? `<h1>${order.hostname}</h1>\n`);
      });
    }
    const takeBack =
      order.publicAddress === undefined
        ? () => {}
        : network.attach(order.publicAddress, order.openPorts, async (port, dialSignal) =>
            options.neverAnswers === true
              ? await silence(port, dialSignal)
              : await openSocket(servers[port]?.port, port, dialSignal),
          );
    let tellDeath: (reason: string) => void = () => {};
    const died = new Promise<string>((resolve) => {
      tellDeath = resolve;
    });
    let ending: Promise<unknown> | undefined;
    const end = async () => {
      signal.removeEventListener("abort", end);
      clearTimeout(timer);
      takeBack();
      ending ??= Promise.all(Object.values(servers).map((server) => server.close()));
      await ending;
    };
    const die = async () => {
      await end();
      tellDeath("it has died, as it was told to");
    };
    const timer = options.diesAfterMs === undefined ? undefined : setTimeout(die, options.diesAfterMs);
    signal.addEventListener("abort", end);
    if (signal.aborted) await end();
    const console = consoleOf(order, options.neverAnswers === true ? undefined : publicLineOf(hostKey, order.hostname));
    return { console: async () => console, died, end };
  };
}

function answer(command: string, order: MachineOrder, own: AnswersCommands | undefined): CommandAnswer {
  const found = typeof own === "function" ? own(command, order) : own?.[command];
  const said = found ?? usualAnswers(order)[command.trim()];
  if (said === undefined) return { stderr: `sh: ${command.split(" ")[0]}: not found\n`, exitCode: 127 };
  return typeof said === "string" ? { stdout: said } : said;
}

function usualAnswers({ cloud, instanceId, hostname }: MachineOrder): Readonly<Record<string, string | CommandAnswer>> {
  const status = { version: 1, status: "done", source: sources[cloud], instanceId, hostname, nics: [], errors: [] };
  return {
    true: "",
    false: { exitCode: 1 },
    hostname: `${hostname}\n`,
    "uname -r": "6.12.0-answering\n",
    "cat /etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nID=debian\n',
    "cat /run/cloudimg/status.json": `${JSON.stringify({ ...status, phases: {} }, undefined, 2)}\n`,
    "cat /etc/hostname": `${hostname}\n`,
    "nginx -t": { stderr: "nginx: configuration file /etc/nginx/nginx.conf test is successful\n" },
  };
}

/** Where the initializer of our images finds what it is told. */
const sources: Readonly<Record<CloudName, string>> = {
  tencent: "config-drive",
  alibaba: "alibaba",
  huawei: "openstack",
};

/** As our images print it. Without a host key: as far as the kernel. */
function consoleOf({ cloud, instanceId }: MachineOrder, hostKeyLine: string | undefined): string {
  const lines = ["Linux version 6.12.0-answering (answering@machine)", "cloudimg-initrd: root UUID=1 on /dev/vda1"];
  if (hostKeyLine === undefined) return `${lines.join("\n")}\n`;
  const [type, key = ""] = hostKeyLine.split(" ");
  const fingerprint = createHash("sha256").update(Buffer.from(key, "base64")).digest("base64").replace(/=+$/, "");
  const words = `source=${sources[cloud]} instance=${instanceId} nics=eth0:dhcp total=120 ms cpu=80 ms uptime=3.2`;
  return [
    ...lines,
    "-----BEGIN SSH HOST KEY FINGERPRINTS-----",
    `SHA256:${fingerprint} ${type}`,
    "-----END SSH HOST KEY FINGERPRINTS-----",
    "-----BEGIN SSH HOST KEY KEYS-----",
    hostKeyLine,
    "-----END SSH HOST KEY KEYS-----",
    `cloudimg-init: ready: ${words}`,
    "cloudimg-init: finished: 0 scripts\n",
  ].join("\n");
}

interface CloudConfig {
  readonly ssh_authorized_keys?: readonly string[];
  readonly users?: readonly unknown[];
  readonly ssh_keys?: { readonly ed25519_private?: string };
}

/** All parts of the user data that are cloud-config. */
function configsIn(userData: Uint8Array | undefined): CloudConfig[] {
  if (userData === undefined) return [];
  const bytes = userData[0] === 0x1f && userData[1] === 0x8b ? gunzipSync(userData) : userData;
  const isMessage = /^mime-version:/im.test(toByteString(bytes.subarray(0, 4096)));
  const parts = isMessage
    ? mimeLeaves(toByteString(bytes), () => {}).map(({ body }) => fromByteString(body))
    : [new Uint8Array(bytes)];
  const texts = parts.map((part) => Buffer.from(part).toString());
  return texts.filter((text) => text.startsWith("#cloud-config")).map((text) => (parse(text) ?? {}) as CloudConfig);
}

function keysIn(configs: readonly CloudConfig[]): string[] {
  return configs.flatMap(({ ssh_authorized_keys: keys = [], users = [] }) => [
    ...keys,
    ...users.flatMap((user) => (typeof user === "object" ? ((user as CloudConfig).ssh_authorized_keys ?? []) : [])),
  ]);
}

function hostKeyIn(configs: readonly CloudConfig[]): string | undefined {
  return configs.flatMap(({ ssh_keys: keys }) => keys?.ed25519_private ?? []).at(-1);
}

function publicLineOf(privateKey: string, hostname: string): string {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return `${key.type} ${key.getPublicSSH().toString("base64")} root@${hostname}`;
}

/** Nobody refuses, nobody accepts. */
async function silence(port: number, signal: AbortSignal): Promise<never> {
  return await new Promise((_, reject) => {
    const onAbort = () => reject(signal.reason ?? new Error(`nobody answers at port ${port}`));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

async function openSocket(hostPort: number | undefined, port: number, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  if (hostPort === undefined)
    throw Object.assign(new Error(`port ${port} refuses connections`), { code: "ECONNREFUSED" });
  const socket = connect({ host: "127.0.0.1", port: hostPort, noDelay: true });
  try {
    await once(socket, "connect", { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw error;
  }
}
