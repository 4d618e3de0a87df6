import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obtainTools } from "../../src/build/tools.ts";
import { buildProfile } from "../../src/commands/building.ts";
import { configDriveSource } from "../../src/commands/config-drive-source.ts";
import { createContext } from "../../src/commands/environment.ts";
import { openProfile } from "../../src/commands/open-profile.ts";
import { openProvider } from "../../src/commands/providing.ts";
import type { ByteSource } from "../../src/core/byte-source.ts";
import type { Context } from "../../src/core/context.ts";
import { instanceConfig } from "../../src/guest-config/from-profile.ts";
import type { InstanceConfig, InterfaceConfig } from "../../src/guest-config/model.ts";
import type { Machine, MachineRequest } from "../../src/machine/machine.ts";
import { startMachine } from "../../src/machine/start.ts";
import type { Profile } from "../../src/profile/schema.ts";
import { observeBoot } from "../../src/providers/boot-observer.ts";
import { storedDisk } from "../../src/providers/local/image-store.ts";
import { machineRequest } from "../../src/providers/local/machine-request.ts";
import { runningInstance } from "../../src/providers/local/provider.ts";
import type { BootTimeline, CloudImage, Endpoint, RunningInstance } from "../../src/providers/provider.ts";
import { makeRunKey, type RunKey } from "../../src/smoke/run-key.ts";
import { type SshSession, sshSession } from "../../src/smoke/ssh-session.ts";
import { watchConsole } from "./console.ts";

/** An image in a store of the test's own. */
export interface BuiltForBoot {
  readonly profile: Profile;
  readonly image: CloudImage;
  readonly files: readonly { readonly path: string; readonly format: string }[];
  readonly context: Context;
  remove(): void;
}

/** A machine that has just got its power. */
export interface BootedMachine {
  readonly config: InstanceConfig;
  readonly machine: Machine;
  readonly instance: RunningInstance;
  /** Waits until the initializer says that it is ready. */
  ready(): Promise<void>;
  /** Waits for a line of the console, from the machine's start on, and gives it. Errors: with the whole console, after `limitMs` (default two minutes), or when the machine ends. */
  line(pattern: RegExp, limitMs?: number): Promise<string>;
  /** Standard output of a command that must end well, without the last line end. */
  run(command: string): Promise<string>;
  /** All that it has printed on its serial console so far. */
  console(): string;
}

export type Guest = BootedMachine;

/** What is different from the machine and the config drive that the profile asks for. */
export interface GuestChanges {
  readonly profile?: (profile: Profile) => Profile;
  /** Another configuration for the drive, a drive of other bytes, or none. */
  readonly configDrive?: (config: InstanceConfig) => InstanceConfig | ByteSource | undefined;
  /**
   * Anything of the machine: `smbios`, `diskBus`, `diskSizeBytes`, `diskFile` (see `withDisk`), `extraDisks`, `nics` (instead of the profile's; those of a
   * virtual network are `{ mac, socketPath }`), `spareNicSlots`, `mayReboot`, `memoryBytes`…
   */
  readonly machine?: Partial<MachineRequest> | ((config: InstanceConfig) => Promise<Partial<MachineRequest>>);
  /**
   * Appends a network card that ssh and HTTP are forwarded to, after all others: the guest must give it `sshAddress` (no routes are needed), or the drive must hold
   * `sshInterface`. All cards before it are then only what the test makes of them.
   */
  readonly sshNic?: boolean;
  /** Who logs in, when several boots are to know the same. Default: a key of its own for each boot. */
  readonly key?: RunKey;
  /** Where ssh listens, when it is not forwarded by QEMU: a port of a virtual network. */
  readonly ssh?: Endpoint | (() => Promise<Endpoint>);
}

/** The network card that `sshNic` appends. */
const sshMac = "52:54:00:ff:00:22";
export const sshAddress = "10.255.255.15/24";
/** The same for the drive: `configDrive: (config) => withInterfaces(config, [...config.network.interfaces, sshInterface])`. */
export const sshInterface: InterfaceConfig = {
  ...{ mac: sshMac, dhcp4: false, addresses: [sshAddress], routes: [], nameservers: [], search: [] },
};
const sshNic = {
  ...{
    mac: sshMac,
    network: "10.255.255.0/24",
    router: "10.255.255.2",
    dns: "10.255.255.3",
    dhcpStart: "10.255.255.15",
  },
};

/** Builds a profile given as YAML and imports it. */
export async function buildForBoot(yaml: string): Promise<BuiltForBoot> {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-boot-"));
  const signal = new AbortController().signal;
  const context = createContext(() => {}, signal, undefined, {
    ...process.env,
    CLOUDIMG_DATA: join(directory, "data"),
  });
  const path = join(directory, "probe.yaml");
  writeFileSync(path, yaml);
  const loaded = await openProfile(path, context);
  const built = await buildProfile(loaded, { output: join(directory, "out") }, context);
  const file = built.files.find(({ format }) => format === "qcow2") ?? built.files[0];
  if (file === undefined) throw new Error("nothing was built");
  const provider = await openProvider("local", context);
  const { name, identity, diskSizeBytes } = built;
  const image = await provider.importImage({ ...file, name, identity, sizeBytes: diskSizeBytes }, context);
  const remove = () => rmSync(directory, { recursive: true, force: true });
  return { profile: loaded.profile, image, files: built.files, context, remove };
}

/** Boots an image, gives a logged-in guest to the work when it is ready, and ends it whatever happens. */
export async function withGuest<T>(
  built: BuiltForBoot,
  work: (guest: Guest) => Promise<T>,
  changes: GuestChanges = {},
): Promise<T> {
  return await withMachine(
    built,
    async (guest) => {
      await guest.ready();
      return await work(guest);
    },
    changes,
  );
}

/**
 * The same from the first instruction on, for what happens before the guest is ready: `line` waits for what it prints, `machine.cutPower()` ends it as
 * a power failure does, `machine.addNic` plugs in a card.
 */
export async function withMachine<T>(
  built: BuiltForBoot,
  work: (booted: BootedMachine) => Promise<T>,
  changes: GuestChanges = {},
): Promise<T> {
  const { context, image } = built;
  const profile = changes.profile?.(built.profile) ?? built.profile;
  const key = changes.key ?? (await makeRunKey());
  const config = instanceConfig(profile, `probe-${randomBytes(4).toString("hex")}`, [key.publicKeyLine]);
  const told = changes.configDrive === undefined ? config : changes.configDrive(config);
  const request = await machineRequest(
    { profile, image: image.id, disk: storedDisk(image.id, context), config, configDrive: driveOf(told) },
    (names) => obtainTools(names, context),
    context,
  );
  const { machine: different } = changes;
  const wanted = { ...request, ...(typeof different === "function" ? await different(config) : different) };
  const boot = observeBoot();
  const watched = watchConsole();
  const onConsole = (line: string) => {
    watched.push(line);
    boot.line(line);
  };
  const reachable = changes.sshNic === true ? throughSshNic(wanted) : wanted;
  const startMs = performance.now();
  const machine = await startMachine({ ...reachable, onConsole }, context);
  const instance = runningInstance(machine);
  let session: SshSession | undefined;
  let isFirst = true;
  const open = async () => {
    const { ssh = instance.ssh } = changes;
    const endpoint = typeof ssh === "function" ? await ssh() : ssh;
    const { user } = profile.instance;
    session ??= sshSession({ ...endpoint, user, privateKey: key.privateKey, hostKeys: boot.hostKeys });
    return session;
  };
  try {
    return await work({
      config,
      machine,
      instance,
      ready: () => boot.ready({ timeoutMs: 120_000, died: instance.died, signal: context.signal }),
      line: (pattern, limitMs = 120_000) => watched.wait(pattern, limitMs, machine.died),
      async run(command) {
        const deadline = performance.now() + 60_000;
        for (;;) {
          try {
            const { exitCode, stdout, stderr } = await (await open()).run(command, context.signal);
            if (isFirst) reportBoot(boot.timeline(), performance.now() - startMs);
            isFirst = false;
            if (exitCode !== 0) throw new TypeError(`${command} ended with ${exitCode}: ${stderr}`);
            return stdout.trimEnd();
          } catch (error) {
            if (error instanceof TypeError || performance.now() > deadline) throw error;
          }
        }
      },
      console: () => watched.lines.join("\n"),
    });
  } finally {
    session?.close();
    await instance.terminate();
  }
}

/**
 * Gives the work a disk file that stays between boots: `withDisk(async (diskFile) => { await withMachine(built, crash, { machine: { diskFile } }); await withGuest(built,
 * check, { machine: { diskFile } }); })`. Its size is that of the first boot's `diskSizeBytes`. It goes away after the work.
 */
export async function withDisk<T>(work: (diskFile: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-disk-"));
  try {
    return await work(join(directory, "disk.qcow2"));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A configuration with other network cards. */
export function withInterfaces(config: InstanceConfig, interfaces: readonly InterfaceConfig[]): InstanceConfig {
  return { ...config, network: { ...config.network, interfaces } };
}

/** How long it took until ssh answered, in the test's output: what is slower than before is seen there. */
function reportBoot({ kernelMs, rootMs, readyMs, initializer }: BootTimeline, sshMs: number): void {
  const seconds = (ms: number | undefined) => (ms === undefined ? "?" : (ms / 1000).toFixed(1));
  const own = initializer === undefined ? "" : `, initializer ${initializer.totalMs} ms`;
  const stages = `kernel ${seconds(kernelMs)} s, root ${seconds(rootMs)} s, ready ${seconds(readyMs)} s`;
  console.info(`time to ssh ${seconds(sshMs)} s (${stages}${own})`);
}

function driveOf(told: InstanceConfig | ByteSource | undefined): ByteSource | undefined {
  return told === undefined || "read" in told ? told : configDriveSource(told);
}

function throughSshNic(request: MachineRequest): MachineRequest {
  const forwards = request.forwards.map((forward) => ({ ...forward, guestAddress: sshNic.dhcpStart }));
  return {
    ...request,
    nics: [...request.nics.filter(({ mac }) => mac !== sshMac), sshNic],
    forwards,
    forwardMac: sshMac,
  };
}
