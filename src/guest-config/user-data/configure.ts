import type { Host } from "../initializer/host.ts";
import type { Instance } from "../initializer/instance.ts";
import { asObject, type JsonObject } from "../initializer/json-values.ts";
import type { Report } from "../initializer/report.ts";
import { type Assembled, asCloudConfig, assemble, type Script } from "./assemble.ts";
import { earlyLimitMs } from "./early-limit.ts";
import { keepFinalState } from "./final-state.ts";
import { largestUnpackedBytes } from "./gunzip.ts";
import { limitedReport } from "./limited-report.ts";
import { markersIn } from "./markers.ts";
import { overlay } from "./merge.ts";
import { modules } from "./modules.ts";
import { commandFor, runLogged, scriptEnvironment } from "./run-logged.ts";
import { hasWork, runModules } from "./run-modules.ts";
import { scriptsOf } from "./run-scripts.ts";
import { isFalse } from "./settings.ts";
import { splitUserData } from "./split-parts.ts";
import { openStore, type Store, tryWrite } from "./store.ts";
import { systemConfig } from "./system-config.ts";
import { unknownKeyProblems } from "./unknown-keys.ts";

/** For all boot hooks, together. */
const hooksLimitMs = 20_000;
const problemsOf = (report: Report, step: string) => (text: string) => report.problem(step, text);

/** See Parts. */
export function configure(host: Host, instance: Instance, report: Report): boolean {
  const limited = limitedReport(report);
  let isFinalWanted = false;
  try {
    isFinalWanted = obey(host, instance, limited);
  } catch (error) {
    report.problem("user data", error instanceof Error ? error.message : String(error));
  }
  limited.tellRest();
  return isFinalWanted;
}

function obey(host: Host, instance: Instance, report: Report): boolean {
  const store = openStore(host, instance, problemsOf(report, "user data"));
  keepRaw(host, store, instance);
  const read = (step: string, raw: Uint8Array): Assembled => readDocument(host, store, raw, problemsOf(report, step));
  const user = instance.userData === undefined ? nothing : read("user data", instance.userData);
  const system = systemConfig(host, store, problemsOf(report, "system config"));
  const isVendorWanted = !isFalse(asObject(overlayOf(system, user.config)["vendor_data"])?.["enabled"]);
  const vendors = isVendorWanted ? instance.vendorData.map((raw) => read("vendor data", raw)) : [];
  const told = [...vendors, user].reduce<JsonObject>((below, { config }) => overlayOf(below, config), {});
  const config = overlayOf(system, told);
  if (Object.keys(told).length > 0) store.write("cloud-config.txt", asCloudConfig(told), 0o600);
  saveScripts(store, user.scripts, "scripts");
  for (const { scripts } of vendors) saveScripts(store, scripts, "scripts/vendor");
  saveDiskScripts(host, [...vendors, user], problemsOf(report, "user data"));

  const known = new Set(modules.flatMap(({ keys }) => keys));
  for (const text of unknownKeyProblems(told, known)) report.problem("user data", text);
  if (told["output"] !== undefined) report.said("user data", "output is not redirected");
  runHooks(
    host,
    store,
    instance,
    [...vendors, user].flatMap(({ scripts }) => scripts),
    report,
  );
  const context = { host, instance, directory: store.directory, report };
  runModules(modules, ["early", "config"], config, context);

  const markers = markersIn(host, store.directory, () => {});
  const isFinalWanted = modules.some(
    (module) =>
      module.stage === "final" &&
      !markers.has(module) &&
      (module.isAlwaysRun === true ? scriptsOf(module.name, context).length > 0 : hasWork(module, config)),
  );
  if (isFinalWanted) keepFinalState(host, { config, instance, directory: store.directory });
  return isFinalWanted;
}

const overlayOf = (lower: JsonObject, upper: JsonObject) => overlay(lower, upper) as JsonObject;
const nothing: Assembled = { config: {}, scripts: [] };

function readDocument(host: Host, store: Store, raw: Uint8Array, problem: (text: string) => void): Assembled {
  if (raw.length > largestUnpackedBytes) {
    problem(`longer than ${largestUnpackedBytes >> 20} MiB: not used`);
    return nothing;
  }
  return assemble(splitUserData(raw, { host, directory: store.directory, problem }), { host, problem });
}

/** As cloud-init leaves them, for people who look and for programs. */
function keepRaw(host: Host, store: Store, { instanceId, isNew, userData, vendorData }: Instance): void {
  const quietly = () => {};
  if (userData !== undefined) store.write("user-data.txt", userData, 0o600);
  for (const [index, data] of vendorData.entries())
    store.write(`vendor-data${index === 0 ? "" : index + 1}.txt`, data, 0o600);
  const data = "/var/lib/cloud/data";
  const before = host.readText(`${data}/instance-id`)?.trim();
  if (before !== instanceId || isNew) {
    tryWrite(host, `${data}/previous-instance-id`, `${before ?? "NO_PREVIOUS_INSTANCE_ID"}\n`, 0o644, quietly);
    tryWrite(host, `${data}/instance-id`, `${instanceId}\n`, 0o644, quietly);
  }
  try {
    if (host.readLink("/var/lib/cloud/instance") !== store.directory)
      host.link(store.directory, "/var/lib/cloud/instance");
  } catch {
    // The store has told already that nothing can be written there.
  }
}

function saveScripts(store: Store, scripts: readonly Script[], directory: string): void {
  for (const { kind, name, content } of scripts) {
    if (kind === "user") store.write(`${directory}/${name}`, content, 0o700);
    if (kind === "hook") store.write(`boothooks/${name}`, content, 0o700);
  }
}

/** Of the types text/x-shellscript-per-boot, -per-instance and -per-once. */
function saveDiskScripts(host: Host, told: readonly Assembled[], problem: (text: string) => void): void {
  for (const { kind, name, content } of told.flatMap(({ scripts }) => scripts))
    if (kind.startsWith("per-")) tryWrite(host, `/var/lib/cloud/scripts/${kind}/${name}`, content, 0o700, problem);
}

/** #cloud-boothook: at each boot, before all modules. */
function runHooks(host: Host, store: Store, instance: Instance, scripts: readonly Script[], report: Report): void {
  const endMs = host.nowMs() + earlyLimitMs(host, hooksLimitMs);
  for (const { kind, name } of scripts) {
    if (kind !== "hook") continue;
    const argv = commandFor(host, `${store.directory}/boothooks/${name}`);
    const environment = scriptEnvironment(instance.instanceId);
    const failure = runLogged(host, { argv, environment, directory: "/" }, Math.max(1, endMs - host.nowMs()));
    if (failure !== undefined) report.problem("boothook", `${name} ${failure}`);
  }
}
