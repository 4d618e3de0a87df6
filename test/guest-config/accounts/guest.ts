import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Host } from "../../../src/guest-config/initializer/host.ts";
import type { Instance } from "../../../src/guest-config/initializer/instance.ts";
import type { JsonObject } from "../../../src/guest-config/initializer/json-values.ts";
import type { Module } from "../../../src/guest-config/user-data/module.ts";
import { oracle } from "../../oracles/tools.ts";
import { nodeHost } from "../node-host.ts";

/** A guest's files in a directory, and the guest's own shell for what the initializer gives it to do. */
export interface Guest {
  readonly host: Host;
  /** What was given away, as `OWNER PATH`; these tests may not run as root. */
  readonly owners: () => string[];
  /** Command lines of all programs that were started. */
  readonly started: string[];
  read(path: string): string | undefined;
  write(path: string, text: string): void;
  mode(path: string): string | undefined;
  /** Where it is on this machine. */
  path(path: string): string;
  /** Runs a module and gives what it reported. */
  run(
    module: Module,
    config: JsonObject,
    instance?: Partial<Instance>,
  ): { said: string | undefined; problems: string[] };
  remove(): void;
}

const accounts = {
  "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n# kept\nweb:x:1000:1000::/home/web:/bin/sh\n",
  "/etc/group": "root:x:0:\nsudo:x:27:\nusers:x:100:\nweb:x:1000:\n",
  "/etc/shadow": "root:*:20000:0:99999:7:::\nweb:$6$old$hash:20000:0:99999:7:::\n",
  "/etc/gshadow": "root:*::\nsudo:*::\n",
  "/bin/sh": "",
  "/etc/shells": "/bin/sh\n",
};
const today = 20_500;

export async function makeGuest(files: Readonly<Record<string, string>> = {}): Promise<Guest> {
  const [busybox = "", ...first] = await oracle("busybox");
  const root = mkdtempSync(join(tmpdir(), "cloudimg-guest-"));
  const at = (path: string) => join(root, path);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text);
  };
  for (const [path, text] of Object.entries({ ...accounts, ...files })) write(path, text);
  mkdirSync(at("/run/cloudimg"), { recursive: true });
  mkdirSync(at("/root"));
  const read = (path: string) => (existsSync(at(path)) ? readFileSync(at(path), "utf8") : undefined);
  const started: string[] = [];
  const plain = nodeHost(root);
  const host: Host = {
    ...plain,
    clockMs: () => today * 86_400_000,
    // As in the guest, whoever runs the tests.
    attributes: (path) => {
      const is = plain.attributes(path);
      return is && { ...is, uid: 0, ...(/shadow$/.test(path) ? { gid: 42, mode: 0o640 } : { gid: 0 }) };
    },
    readBytes: (path, offset, length) =>
      path === "/dev/urandom" ? new Uint8Array(length).map((_, index) => index) : plain.readBytes(path, offset, length),
    start({ argv, inputPath, outputPath }) {
      started.push(argv.join(" "));
      if (argv[0] !== "sh") throw new Error(`these tests start no ${argv[0]}`);
      const text = argv[1] === "-c" ? argv[2] : read(argv[1] ?? "");
      const moved = (text ?? "").replace(/(?<![\w.])\/(?=(etc|home|run|srv|usr|var)\b)/g, `${root}/`);
      const script = `chown() { echo "$@" >>${root}/owners; }\n${moved}`;
      const { status, stdout, stderr } = spawnSync(busybox, [...first, "sh", "-c", script], {
        input: inputPath === undefined ? "" : readFileSync(at(inputPath)),
        env: { PATH: process.env["PATH"] },
        encoding: "utf8",
      });
      if (outputPath !== undefined) writeFileSync(at(outputPath), stdout + stderr, { mode: 0o600 });
      return { poll: () => status ?? 128, kill: () => {} };
    },
  };
  return {
    host,
    started,
    read,
    write,
    path: at,
    owners: () => (read("/owners") ?? "").replaceAll(root, "").split("\n").filter(Boolean),
    mode: (path) => (existsSync(at(path)) ? (statSync(at(path)).mode & 0o7777).toString(8) : undefined),
    run(module, config, instance) {
      const problems: string[] = [];
      const whole: Instance = {
        instanceId: "i-1",
        isNew: true,
        source: "None",
        publicKeys: [],
        authorizedKeys: {},
        vendorData: [],
        metadata: {},
        ...instance,
      };
      const task = {
        host,
        instance: whole,
        directory: "/run/cloudimg",
        problem: (text: string) => problems.push(text),
      };
      return { said: module.run(config, task), problems };
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
