import { readFile } from "node:fs/promises";
import { type Context, step } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import { linesOfLog } from "../../machine/console-lines.ts";
import type { Obtain } from "../../machine/find-qemu.ts";
import { listInstances } from "../../machine/instances.ts";
import type { Machine } from "../../machine/machine.ts";
import { startMachine } from "../../machine/start.ts";
import type { LaunchRequest, Provider, RunningInstance } from "../provider.ts";
import { removeStoredImage, storedDisk, storedImages, storeImage } from "./image-store.ts";
import { machineRequest } from "./machine-request.ts";

/** How long a guest may take to power off. Its disk is thrown away, so nothing is lost when it does not. */
const powerOffMs = 5_000;

/**
 * This machine as a cloud: images are files in a store, instances are QEMU processes.
 *
 * @param obtain how to get QEMU where it is not installed
 */
export function localProvider(obtain: Obtain | undefined): Provider {
  return {
    name: "local",
    importImage: (image, context) =>
      step(context, "import", `Import ${image.name} into the local store`, async (progress) => {
        const stored = await storeImage(image, context, progress.bytes);
        if (stored.existed) progress.cached();
        progress.note(stored.id);
        return stored;
      }),
    listImages: async (context) => storedImages(context),
    async removeImage(id, context) {
      const user = listInstances(context).find((instance) => instance.image === id && instance.state === "running");
      if (user !== undefined)
        fail("cloud/image-in-use", `cannot remove the image ${id}: the instance ${user.id} runs from it`, {
          hint: `end it first: cloudimg clean ${user.id}`,
        });
      removeStoredImage(id, context);
    },
    launch: (request, context) => launch(request, obtain, context),
  };
}

async function launch(request: LaunchRequest, obtain: Obtain | undefined, context: Context): Promise<RunningInstance> {
  const { profile, config, configDrive, onConsole } = request;
  const image = request.image.id;
  const disk = storedDisk(image, context);
  const wanted = await machineRequest({ profile, image, disk, config, configDrive }, obtain, context);
  request.onPowerOn?.();
  const machine = await startMachine({ ...wanted, onConsole }, context);
  return runningInstance(machine);
}

/** A machine as the instance of a provider: its ports `ssh` and `http` lead into it. */
export function runningInstance(machine: Machine): RunningInstance {
  // Once it is stopped its log is gone; what it said is still wanted for reports.
  let finalConsole: string | undefined;
  const console = async () => {
    if (finalConsole !== undefined) return finalConsole;
    return linesOfLog(await readFile(machine.consoleLogPath)).join("\n");
  };
  return {
    id: machine.id,
    ssh: { host: "127.0.0.1", port: machine.ports["ssh"] as number },
    http: { host: "127.0.0.1", port: machine.ports["http"] as number },
    died: machine.died,
    console,
    keep: () => machine.keep(),
    async terminate() {
      finalConsole ??= await console().catch(() => "");
      await machine.stop(powerOffMs);
    },
  };
}
