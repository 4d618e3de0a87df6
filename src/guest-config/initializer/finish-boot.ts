import type { BootState } from "./boot-state.ts";
import { configureSystem } from "./configure-system.ts";
import { endBoot } from "./end-boot.ts";
import type { Host } from "./host.ts";
import { finishHostKeys, printHostKeys } from "./host-key-lines.ts";
import { removeHostKeys, startHostKeys } from "./host-keys.ts";
import { keepInstance } from "./last-instance.ts";
import { readUsage } from "./usage.ts";
import { hasUserConfig, instanceOf } from "./user-config.ts";

/** The second half of a boot: all that is on the disk. In a part of its own, so that the network need not wait until it has been read. */
export function finishBoot(host: Host, state: BootState): void {
  const { journal, signs, last, source, told, nics } = state;
  let { keys } = state;
  const instance = instanceOf(host, source, told, last);
  const isUserConfigured = hasUserConfig(host, signs, instance);
  // An image of an instance was started: its keys are known to whoever has the other one. With user data its module decides.
  if (instance.isNew && last !== undefined && last.instanceId !== "" && !isUserConfigured) {
    finishHostKeys(host, keys, (problem) => journal.problem("host keys", problem));
    removeHostKeys(host);
    keys = journal.phase("start host keys", () => ({ value: startHostKeys(host) })) ?? [];
  }
  const hasFinalStage = configureSystem(host, { source, instance, isUserConfigured }, journal);
  const before = readUsage(host);
  const hostKeys = journal.phase("host keys", (problem) => finishHostKeys(host, keys, problem)) ?? [];
  const keysMs = readUsage(host).childrenMs - before.childrenMs;
  // User data may have another opinion than the source.
  const hostname = host.readText("/proc/sys/kernel/hostname")?.trim() || state.hostname;
  printHostKeys(host, hostKeys, hostname, journal);
  if (state.isTold) journal.phase("cache", () => ({ value: keepInstance(host, told) }));
  const { instanceId } = told;
  const { startedMs, networkUpMs } = state;
  endBoot(host, journal, { source, instanceId, hostname, nics, hasFinalStage, startedMs, networkUpMs, keysMs });
}
