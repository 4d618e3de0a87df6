import { pushConsole } from "./console-url.ts";
import type { Host } from "./host.ts";
import { instanceDirectory } from "./instance.ts";
import { readStatus, type StageStatus, type Status, stageNames, statusPath } from "./status.ts";

const run = "/run/cloud-init";
const data = "/var/lib/cloud/data";

/** For programs that wait: ours, and what callers of `cloud-init status` read. Throws an Error. */
export function writeStatus(host: Host, status: Status): void {
  host.makeDirectory("/run/cloudimg", 0o755);
  host.writeFile(statusPath, `${JSON.stringify(status, undefined, 2)}\n`, 0o644);
  writeCloudInitFiles(host, status);
}

/** The initializer itself has failed: a defect of ours. */
export function writeFailure(host: Host, reason: string): void {
  const before = readStatus(host) ?? { nics: [], phases: {}, errors: [] };
  try {
    writeStatus(host, { ...before, version: 1, status: "error", errors: [...before.errors, reason] });
  } catch {
    // The console has said it already.
  }
  pushConsole(host, "failed");
}

/**
 * What callers of `cloud-init status` read: /run/cloud-init/status.json while it works, result.json when all is done. Members as cloud-init writes them
 * (its documentation, "Reported health status").
 */
function writeCloudInitFiles(host: Host, status: Status): void {
  const datasource = dataSourceLine(status);
  const isDone = status.status !== "running";
  const stages = status.stages ?? [];
  const current = isDone ? null : (stages.find(({ endMs }) => endMs === undefined)?.name ?? null);
  const v1 = {
    datasource,
    ...Object.fromEntries(stageNames.map((name) => [name, stageEntry(stages.find((stage) => stage.name === name))])),
    stage: current,
  };
  host.makeDirectory(run, 0o755);
  put(host, "status.json", { v1 });
  if (!isDone) return;
  put(host, "result.json", { v1: { datasource, errors: status.status === "error" ? status.errors : [] } });
  if (status.instanceId !== undefined) markFinished(host, instanceDirectory(status.instanceId));
}

/** Scripts that wait for `/var/lib/cloud/instance/boot-finished` find a link: what it leads to is there in a boot that is done. */
function markFinished(host: Host, directory: string): void {
  const links = { [`${directory}/boot-finished`]: `${run}/result.json`, "/var/lib/cloud/instance": directory };
  for (const [path, target] of Object.entries(links)) {
    if (host.readLink(path) === target) continue;
    try {
      host.makeDirectory(path.slice(0, path.lastIndexOf("/")), 0o755);
      host.link(target, path);
    } catch {
      // A disk that takes nothing.
    }
  }
}

/** `DataSourceConfigDrive [source=/dev/sr0]`. */
function dataSourceLine({ datasource, place }: Status): string | null {
  if (datasource === undefined) return null;
  return `DataSource${datasource}${place ? ` [source=${place}]` : ""}`;
}

/** What went wrong without stopping anything is a recoverable error there. */
function stageEntry(stage: StageStatus | undefined): object {
  const seconds = (ms: number | undefined) => (ms === undefined ? null : ms / 1000);
  return {
    errors: [],
    recoverable_errors: stage === undefined || stage.errors.length === 0 ? {} : { WARNING: stage.errors },
    start: seconds(stage?.startMs),
    finished: seconds(stage?.endMs),
  };
}

/** Also at /var/lib/cloud/data, where older callers look; that may be read-only. */
function put(host: Host, name: string, value: object): void {
  host.writeFile(`${run}/${name}`, `${JSON.stringify(value, undefined, 1)}\n`, 0o644);
  if (host.readLink(`${data}/${name}`) === `${run}/${name}`) return;
  try {
    host.makeDirectory(data, 0o755);
    host.link(`${run}/${name}`, `${data}/${name}`);
  } catch {
    // The files in /run are the ones that count.
  }
}
