import type { InstanceRecord } from "./records.ts";
import { removeFrom, type TencentWorld } from "./world.ts";

/** From `PENDING` to `RUNNING` in its time, and to its end when its dead-man's switch says so. */
export function startInstance(world: TencentWorld, instance: InstanceRecord): void {
  const { clock, delays, instances, instanceFactory, machines } = world;
  instances.push(instance);
  const machine = instanceFactory?.(instance);
  if (machine !== undefined) {
    machines.set(instance.id, machine);
    machine.catch((error: unknown) => {
      instance.state = "LAUNCH_FAILED";
      instance.failure = String(error);
    });
  }
  clock.after(delays.launchMs, () => {
    if (instance.state === "PENDING") instance.state = "RUNNING";
  });
  if (instance.endsAtMs !== undefined) clock.after(instance.endsAtMs - clock.now(), () => endInstance(world, instance));
}

/** Its machine has ended by itself. It stays, and is billed. */
export function stopInstance(world: TencentWorld, id: string): void {
  const instance = world.instances.find((instance) => instance.id === id);
  if (instance !== undefined && (instance.state === "PENDING" || instance.state === "RUNNING"))
    instance.state = "STOPPED";
}

/** It stays listed, and keeps its security group in use, until it is gone. */
export function endInstance({ clock, delays, instances, machines }: TencentWorld, instance: InstanceRecord): void {
  if (instance.state === "TERMINATING" || !instances.includes(instance)) return;
  instance.state = "TERMINATING";
  const machine = machines.get(instance.id);
  machines.delete(instance.id);
  const ended = machine?.then((running) => running.end()).catch(() => undefined);
  clock.after(delays.terminateMs, () => {
    if (ended === undefined) removeFrom(instances, instance);
    else void ended.then(() => removeFrom(instances, instance));
  });
}

/** Tencent takes a spot instance back: it is gone as if it had been terminated. */
export function reclaimInstance(world: TencentWorld, id: string): void {
  const instance = world.instances.find((instance) => instance.id === id);
  if (instance !== undefined) endInstance(world, instance);
}
