import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildProfile } from "../../src/commands/building.ts";
import { configDriveSource } from "../../src/commands/config-drive-source.ts";
import { createContext } from "../../src/commands/environment.ts";
import { openProfile } from "../../src/commands/open-profile.ts";
import { openProvider } from "../../src/commands/providing.ts";
import type { Context } from "../../src/core/context.ts";
import { instanceConfig } from "../../src/guest-config/from-profile.ts";
import type { InstanceConfig } from "../../src/guest-config/model.ts";
import type { Profile } from "../../src/profile/schema.ts";
import { observeBoot } from "../../src/providers/boot-observer.ts";
import type { CloudImage, RunningInstance } from "../../src/providers/provider.ts";
import { makeRunKey } from "../../src/smoke/run-key.ts";
import { sshSession } from "../../src/smoke/ssh-session.ts";

/** An image in a store of the test's own. */
export interface BuiltForBoot {
  readonly profile: Profile;
  readonly image: CloudImage;
  readonly files: readonly { readonly path: string; readonly format: string }[];
  readonly context: Context;
  remove(): void;
}

export interface Guest {
  readonly config: InstanceConfig;
  readonly instance: RunningInstance;
  /** Standard output of a command that must end well, without the last line end. */
  run(command: string): Promise<string>;
  /** All that it has printed on its serial console so far. */
  console(): string;
}

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

/** Boots an image, gives a logged-in guest to the work, and ends it whatever happens. */
export async function withGuest<T>(
  built: BuiltForBoot,
  work: (guest: Guest) => Promise<T>,
  changes: { profile?: (profile: Profile) => Profile; configDrive?: (config: InstanceConfig) => InstanceConfig } = {},
): Promise<T> {
  const { context, image } = built;
  const profile = changes.profile?.(built.profile) ?? built.profile;
  const provider = await openProvider("local", context);
  const key = await makeRunKey();
  const config = instanceConfig(profile, `probe-${randomBytes(4).toString("hex")}`, [key.publicKeyLine]);
  const told = changes.configDrive?.(config) ?? config;
  const boot = observeBoot();
  const instance = await provider.launch(
    { image, profile, config, configDrive: configDriveSource(told), onConsole: boot.line },
    context,
  );
  const session = sshSession({
    ...instance.ssh,
    user: profile.instance.user,
    privateKey: key.privateKey,
    hostKeys: boot.hostKeys,
  });
  try {
    await boot.ready({ timeoutMs: 120_000, died: instance.died, signal: context.signal });
    const run = async (command: string): Promise<string> => {
      const deadline = performance.now() + 60_000;
      for (;;) {
        try {
          const { exitCode, stdout, stderr } = await session.run(command, context.signal);
          if (exitCode !== 0) throw new TypeError(`${command} ended with ${exitCode}: ${stderr}`);
          return stdout.trimEnd();
        } catch (error) {
          if (error instanceof TypeError || performance.now() > deadline) throw error;
        }
      }
    };
    return await work({ config, instance, run, console: () => boot.lastLines(10_000).join("\n") });
  } finally {
    session.close();
    await instance.terminate();
  }
}
