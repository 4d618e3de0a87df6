import { CloudimgError } from "../core/errors.ts";
import type { ImageState } from "./cloud.ts";
import { captureEvidence, consoleOf } from "./publish-cloud-evidence.ts";
import { awaitRunning, endInstance, type LaunchedInstance, launchedInstance } from "./publish-cloud-launch.ts";
import type { Evidence, TestedInstance } from "./publish-cloud-request.ts";
import { type CloudRun, recorded } from "./publish-cloud-run.ts";

/** So many instances are tried: the cloud may take a spot instance back, or fail to start one. */
const instances = 3;

/**
 * Launches an instance and lets it be checked. A verdict that is recorded for the same image and checks is not asked for again. Whatever the verdict, console and screenshot
 * are kept.
 *
 * Errors: those of the launch and of the checks.
 */
export async function tested(
  run: CloudRun,
  image: ImageState,
): Promise<{ instance: TestedInstance; evidence: Evidence }> {
  const { request, journal } = run;
  const { machine } = request.configuration;
  const inputs = { image: image.id, machine, smoke: request.smokeInputs };
  const known = journal.result<TestedInstance>("smoke", inputs);
  if (known !== undefined) return { instance: known, evidence: await keptEvidence(run, known.id) };
  for (let n = 1; ; n++) {
    const launched = await launchedInstance(run, image);
    const fate: Fate = {};
    try {
      const { address } = await awaitRunning(run, launched);
      const instance = await recorded(run, { id: "smoke", title: "Check the instance", inputs }, () =>
        check(run, launched, address, fate),
      );
      return { instance, evidence: await keptEvidence(run, launched.id) };
    } catch (error) {
      if (run.context.signal.aborted || n >= instances || !(fate.isLost ?? (await isLost(run, launched.id, error))))
        throw error;
      const message = `the instance ${launched.id} was lost: ${error instanceof Error ? error.message : error}`;
      run.context.emit({ type: "log", level: "warning", message, hint: "another one is launched" });
      await endInstance(run);
    }
  }
}

interface Fate {
  /** Undefined: nobody has asked yet. */
  isLost?: boolean;
}

async function check(
  run: CloudRun,
  { id, offer }: LaunchedInstance,
  address: string,
  fate: Fate,
): Promise<TestedInstance> {
  const { request, journal, context } = run;
  const console = () => consoleOf(run, id);
  try {
    const verdict = await request.smoke({ id, address, directory: journal.directory, console }, context);
    return { id, address, offer, ...verdict };
  } catch (error) {
    // Asked now: to keep the evidence, the instance may have to be stopped.
    fate.isLost = await isLost(run, id, error);
    await captureEvidence(run, id);
    throw error;
  }
}

/** A step of its own, after the verdict is recorded: an instance that was stopped for it could not be checked again. */
async function keptEvidence(run: CloudRun, id: string): Promise<Evidence> {
  run.context.signal.throwIfAborted();
  return await run.journal.step("capture", { id }, () => captureEvidence(run, id));
}

/** Whether it is the cloud's doing that the instance did not pass: it did not start, or was taken away. Then the checks say nothing of the image. */
async function isLost({ request, context }: CloudRun, id: string, error: unknown): Promise<boolean> {
  if (error instanceof CloudimgError && error.code === "cloud/launch-failed") return true;
  const states = await request.cloud.instances.find({ id }, context).catch(() => undefined);
  return states !== undefined && !states.some(({ state }) => state === "running" || state === "pending");
}
