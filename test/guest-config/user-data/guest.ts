import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Host, Process } from "../../../src/guest-config/initializer/host.ts";
import type { HttpRequest, HttpResult } from "../../../src/guest-config/initializer/http.ts";
import type { Instance } from "../../../src/guest-config/initializer/instance.ts";
import { configure } from "../../../src/guest-config/user-data/configure.ts";
import { finish } from "../../../src/guest-config/user-data/finish.ts";
import type { Module } from "../../../src/guest-config/user-data/module.ts";
import { nodeHost } from "../node-host.ts";

/** A guest whose files are in a directory of this machine, and whose scripts really run here. */
export interface Guest {
  readonly host: Host;
  /** Command lines of what would change this machine, and was not run. */
  readonly recorded: string[];
  readonly requests: HttpRequest[];
  /** What the network answers; by default nobody does. */
  answer: (request: HttpRequest) => HttpResult;
  read(path: string): string | undefined;
  write(path: string, text: string, mode?: number): void;
  mode(path: string): string | undefined;
  path(path: string): string;
  /** A boot up to the services, and the stage after them. */
  boot(userData: string | Uint8Array | undefined, instance?: Partial<Instance>): BootTold;
  /** One module alone. */
  run(module: Module, config: Readonly<Record<string, unknown>>, instance?: Partial<Instance>): Told;
  remove(): void;
}

export interface Told {
  readonly said: string[];
  readonly problems: string[];
}

/** What a boot said, and whether it had a final stage. */
type BootTold = Told & { readonly isFinalWanted: boolean };

const someInstance: Instance = {
  instanceId: "i-1",
  isNew: true,
  source: "NoCloud",
  publicKeys: [],
  authorizedKeys: {},
  vendorData: [],
  metadata: {},
};

/** @param change what a broken guest does otherwise */
export function makeGuest(change: (host: Host) => Partial<Host> = () => ({})): Guest {
  const root = fs.mkdtempSync(join(tmpdir(), "cloudimg-user-data-"));
  const at = (path: string) => join(root, path);
  const write = (path: string, text: string, mode = 0o644) => {
    fs.mkdirSync(dirname(at(path)), { recursive: true });
    fs.writeFileSync(at(path), text, { mode });
  };
  for (const directory of ["proc/sys/kernel", "etc", "run/cloudimg", "var/log", "var/lib", "dev", "root"])
    fs.mkdirSync(at(directory), { recursive: true });
  for (const [path, text] of Object.entries({
    "/proc/sys/kernel/hostname": "",
    "/proc/uptime": "12.50 9.00",
    "/dev/urandom": "",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "/etc/group": "root:x:0:\n",
    "/etc/shadow": "root:*:20000:0:99999:7:::\n",
  }))
    write(path, text);
  const recorded: string[] = [];
  const requests: HttpRequest[] = [];
  const plain = nodeHost(root);
  const host: Host = {
    ...plain,
    start: (command) => startIn(root, command, recorded),
    fetch: (request) => {
      requests.push(request);
      return guest.answer(request);
    },
  };
  const changed: Host = { ...host, ...change(host) };
  const guest: Guest = {
    host: changed,
    recorded,
    requests,
    answer: () => ({ failure: "nobody answers", kind: "refused" }),
    read: (path) => (fs.existsSync(at(path)) ? fs.readFileSync(at(path), "utf8") : undefined),
    write,
    mode: (path) => (fs.existsSync(at(path)) ? (fs.statSync(at(path)).mode & 0o7777).toString(8) : undefined),
    path: at,
    boot(userData, instance) {
      const { told, report } = listener();
      const bytes = typeof userData === "string" ? new TextEncoder().encode(userData) : userData;
      const isFinalWanted = configure(changed, { ...someInstance, userData: bytes, ...instance }, report);
      if (isFinalWanted) finish(changed, report);
      return { ...told, isFinalWanted };
    },
    run(module, config, instance) {
      const { told, report } = listener();
      const problem = (text: string) => report.problem(module.name, text);
      const task = { host: changed, instance: { ...someInstance, ...instance }, directory: "/run/cloudimg/i", problem };
      try {
        const said = module.run(config, task);
        if (said !== undefined) report.said(module.name, said);
      } catch (error) {
        problem((error as Error).message);
      }
      return told;
    },
    remove: () => fs.rmSync(root, { recursive: true, force: true }),
  };
  return guest;
}

function listener() {
  const told: Told = { said: [], problems: [] };
  const line = (into: string[]) => (step: string, text: string) => void into.push(`${step}: ${text}`);
  return { told, report: { said: line(told.said), problem: line(told.problems) } };
}

const dangerous = /\b(poweroff|reboot|halt|mount|mkfs|swapon|chpasswd|adduser|kill|blockdev|sfdisk|busybox)\b/;

function startIn(root: string, command: Parameters<Host["start"]>[0], recorded: string[]): Process {
  const at = (path: string) => join(root, path);
  const { argv, inputPath, outputPath, appendsOutput, directory, environment } = command;
  const [program = "", option, script = ""] = argv;
  const isShell = program === "sh" && option === "-c";
  const line = argv.join(" ");
  if (
    dangerous.test(line) ||
    (!isShell &&
      !argv.some((word) => fs.existsSync(at(word)) && word.startsWith(root) === false && /^\/(var|run)\//.test(word)))
  ) {
    recorded.push(line);
    return { poll: () => 0, kill: () => {} };
  }
  // Owners are not changed: these tests may not run as root. Modes are, of files in the guest.
  const functions = `chown() { echo "chown $*" >>${root}/owners; case "$*" in *nobody-here*) return 1;; esac; }`;
  const moved = script.replace(/(?<![\w.])\/(?=(etc|home|run|srv|opt|root|var)\b)/g, `${root}/`);
  const words = isShell
    ? ["sh", "-c", `${functions}\n${moved}`]
    : argv.map((word) => (/^\/(var|run)\//.test(word) ? at(word) : word));
  const statusPath = join(root, `status-${fs.readdirSync(root).length}-${Math.random()}`);
  const input = fs.openSync(inputPath === undefined ? "/dev/null" : at(inputPath), "r");
  const output = outputPath === undefined ? "ignore" : fs.openSync(at(outputPath), appendsOutput ? "a" : "w", 0o600);
  const wrapper = '"$@"; echo $? >"$0.new"; mv "$0.new" "$0"';
  const child = spawn("sh", ["-c", wrapper, statusPath, ...words], {
    detached: true,
    stdio: [input, output, output],
    cwd: directory === undefined ? root : at(directory),
    env: { PATH: process.env["PATH"], ...environment },
  });
  fs.closeSync(input);
  if (typeof output === "number") fs.closeSync(output);
  let status: number | undefined;
  return {
    poll() {
      if (status === undefined && fs.existsSync(statusPath)) status = Number(fs.readFileSync(statusPath, "utf8"));
      return status;
    },
    kill() {
      status ??= 137;
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    },
  };
}
