import { localSources } from "../sources/local-sources.ts";
import { type MachineSigns, readSigns } from "../sources/signs.ts";
import { describeSource, findSource, noSource, type SourceResult } from "./find-source.ts";
import { feedRandomSeed, giveAccess } from "./give-access.ts";
import type { Host } from "./host.ts";
import { finishHostKeys, printHostKeys } from "./host-key-lines.ts";
import { startHostKeys } from "./host-keys.ts";
import { applyHostName, parseHostName } from "./identity.ts";
import { injectFiles } from "./inject-files.ts";
import { Journal, oneLine } from "./journal.ts";
import { keepInstance, type LastInstance, readLastInstance } from "./last-instance.ts";
import { setNetwork } from "./set-network.ts";
import { readUsage } from "./usage.ts";
import { writeStatus } from "./write-status.ts";

/**
 * Configures the instance before its services start, once at each boot. Everything that it waits for has a bound of its own; init ends it if that is not enough. Never throws.
 */
export function boot(host: Host): void {
  const startedMs = host.nowMs();
  const journal = new Journal(host);
  journal.phase("start", () => ({ value: begin(host) }));
  journal.stage("init-local");
  const signs = readSigns(host);
  const last = readLastInstance(host);
  const source = journal.phase("datasource", (problem) => findLocal(host, signs, last, problem)) ?? noSource;
  // The log of a boot shows where it stood, should the machine die in the next phase.
  const keys = journal.phase("start host keys", () => ({ value: startHostKeys(host) })) ?? [];
  const told = withLast(source, last);
  const hostname = journal.phase("hostname", (problem) => setHostName(host, told.hostname, problem));
  const network = journal.phase("network", (problem) => setNetwork(host, told.network, hostname, problem));

  journal.stage("init");
  const beforeKeys = readUsage(host);
  const hostKeys = journal.phase("host keys", (problem) => finishHostKeys(host, keys, problem)) ?? [];
  const keysMs = readUsage(host).childrenMs - beforeKeys.childrenMs;
  const { found } = source;
  const isNew = told.instanceId !== last?.instanceId;
  feedRandomSeed(host, found, (problem) => journal.problem("random seed", problem));
  if (isNew && found.files !== undefined)
    journal.phase("files", (problem) => injectFiles(host, found.files ?? [], problem));
  journal.phase("access", (problem) => giveAccess(host, found, problem));
  printHostKeys(hostKeys, hostname, journal);
  if (found.instanceId !== undefined && journal.errors.length === 0)
    journal.phase("cache", () => ({ value: keepInstance(host, told) }));

  journal.endStage();
  const { phases, errors, stages } = journal;
  const { ownMs, childrenMs, uptimeSeconds } = readUsage(host);
  const cpuMs = ownMs + childrenMs - keysMs;
  const totalMs = Math.round(host.nowMs() - startedMs);
  const nics = network?.nics ?? [];
  const { instanceId } = told;
  const status = errors.length === 0 ? "done" : "degraded";
  const { name, datasource } = source;
  const times = { totalMs, cpuMs, hostKeysCpuMs: keysMs, uptimeSeconds };
  const what = { source: name, datasource, place: found.place, instanceId: instanceId || undefined, hostname, nics };
  journal.phase("status", () => ({
    value: writeStatus(host, { version: 1, status, ...what, stages, phases, errors, ...times }),
  }));
  const summary = nics.map(({ name, method, addresses }) => [name, method, ...addresses].join(":")).join(",");
  const words = [
    `source=${source.name}`,
    `instance=${oneLine(instanceId).replaceAll(" ", "_") || "none"}`,
    `nics=${summary || "none"}`,
    `total=${totalMs} ms cpu=${cpuMs} ms uptime=${uptimeSeconds}`,
  ];
  journal.line(`cloudimg-init: ready: ${words.join(" ")}`);
}

function begin(host: Host): void {
  host.makeDirectory("/run/cloudimg", 0o755);
}

function findLocal(
  host: Host,
  signs: MachineSigns,
  last: LastInstance | undefined,
  problem: (text: string) => void,
): { said: string; value: SourceResult } {
  const source = findSource(host, signs, localSources, problem);
  if (source !== undefined) return { said: describeSource(source), value: source };
  if (last === undefined) return { said: "none found", value: noSource };
  return {
    said: `none found, as last time: instance ${last.instanceId}`,
    value: { ...noSource, name: "cache", datasource: last.datasource ?? noSource.datasource },
  };
}

/** What the source leaves open is as it was last time, unless this is another instance. */
function withLast({ datasource, found }: SourceResult, last: LastInstance | undefined): LastInstance {
  const isSame = last !== undefined && (found.instanceId ?? last.instanceId) === last.instanceId;
  return {
    instanceId: found.instanceId ?? last?.instanceId ?? "",
    datasource,
    hostname: found.hostname ?? (isSame ? last.hostname : undefined),
    network: found.network ?? (isSame ? last.network : undefined),
  };
}

function setHostName(host: Host, text: string | undefined, problem: (text: string) => void) {
  const name = text === undefined ? undefined : parseHostName(text);
  if (text !== undefined && name === undefined) problem(`${JSON.stringify(text)} is no host name`);
  if (name === undefined) return { value: undefined };
  for (const reason of applyHostName(host, name)) problem(reason);
  return { said: name.full, value: name.short };
}
