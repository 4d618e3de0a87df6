import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obtainTools } from "../build/tools.ts";
import type { Context } from "../core/context.ts";
import { CloudimgError } from "../core/errors.ts";
import { didYouMean } from "../core/near-names.ts";
import type { CloudName } from "../providers/cloud.ts";
import { clouds } from "../providers/clouds.ts";
import { type FaultRule, isMeant, makeFaultPlan, parseFaultRule } from "../rehearsal/faults.ts";
import type { Rehearsal, RehearsalOptions } from "../rehearsal/rehearsal.ts";
import { troubles as allTroubles, type Trouble } from "../rehearsal/troubles.ts";

export interface RehearsalWish
  extends Pick<RehearsalOptions, "bucket" | "pace" | "ports" | "clock" | "seed" | "onServed"> {
  /** Default: the one that examples have. */
  readonly region?: string | undefined;
  /** As `--fault` has them: names of troubles, and rules. */
  readonly faults: readonly string[];
  /** Whether instances really boot; else they are records that nobody can reach. */
  readonly boot: boolean;
  /** Where objects are kept. Default: a temporary one, which goes when the rehearsal is closed. */
  readonly directory?: string | undefined;
}

/**
 * Plays a cloud on this machine, with all that it needs of the other parts: it looks into images as `inspect` does, and boots them as `run` does.
 *
 * Errors: `usage/arguments`, `host/port-in-use`
 */
export async function rehearse(
  cloud: CloudName,
  { faults, boot, region, directory: wanted, ...others }: RehearsalWish,
  context: Context,
): Promise<Rehearsal> {
  const { rules, troubles } = await readFaults(faults);
  const { startRehearsal } = await import("../rehearsal/start-rehearsal.ts");
  const { inspectImport } = await import("./import-inspector.ts");
  const machines = boot ? await bootingMachines(context) : undefined;
  const directory = wanted ?? (await mkdtemp(join(tmpdir(), "cloudimg-cloud-")));
  const removeDirectory = async () => {
    if (wanted === undefined) await rm(directory, { recursive: true, force: true });
  };
  try {
    const rehearsal = await startRehearsal(
      {
        ...others,
        ...{ cloud, directory, machines, troubles, inspect: inspectImport },
        region: region ?? clouds[cloud].exampleRegion,
        faults: makeFaultPlan(rules, others.seed),
      },
      context.signal,
    );
    return {
      ...rehearsal,
      async close() {
        await rehearsal.close();
        await removeDirectory();
      },
    };
  } catch (error) {
    await removeDirectory();
    throw error;
  }
}

async function bootingMachines(context: Context) {
  const { qemuMachines } = await import("../rehearsal/qemu-machines.ts");
  const { driveInFormat } = await import("./config-drive-source.ts");
  return qemuMachines({ configDrive: driveInFormat, obtain: (packages) => obtainTools(packages, context) }, context);
}

/**
 * Troubles by their names, and rules; all that are neither are told.
 *
 * Errors: `usage/arguments`
 */
export async function readFaults(
  texts: readonly string[],
): Promise<{ readonly rules: readonly FaultRule[]; readonly troubles: readonly Trouble[] }> {
  const { rehearsedOperations } = await import("../rehearsal/operations.ts");
  const operations = rehearsedOperations();
  const isKnown = ({ on }: FaultRule) =>
    operations.some((name) => isMeant(on, name, name.slice(name.indexOf(".") + 1)));
  const rules: FaultRule[] = [];
  const troubles: Trouble[] = [];
  const unknown: string[] = [];
  for (const text of texts) {
    const rule = parseFaultRule(text);
    if (Object.hasOwn(allTroubles, text)) troubles.push(text as Trouble);
    else if (rule !== undefined && isKnown(rule)) rules.push(rule);
    else unknown.push(text);
  }
  const [first, ...more] = unknown.map((text) => problemOf(text, operations));
  if (first !== undefined) throw new CloudimgError([first, ...more]);
  return { rules, troubles };
}

function problemOf(text: string, operations: readonly string[]) {
  const rule = parseFaultRule(text);
  if (rule !== undefined) {
    const names = rule.on.includes(".") ? operations : operations.map((name) => name.slice(name.indexOf(".") + 1));
    const near = didYouMean(rule.on, names) ?? "calls have the names that the cloud's documentation gives them";
    const message = `cannot make the fault "${text}": no cloud that is played here knows the call ${rule.on}`;
    return { code: "usage/arguments" as const, message, hint: near };
  }
  const names = Object.keys(allTroubles);
  const near = didYouMean(text, names);
  const example = "a call and how it fails, as RunInstances=drop or s3.UploadPart=503*3";
  return {
    code: "usage/arguments" as const,
    message: `cannot make the fault "${text}": it is neither a trouble nor a rule`,
    hint: near ?? `troubles: ${names.join(", ")}; a rule is ${example}`,
  };
}
