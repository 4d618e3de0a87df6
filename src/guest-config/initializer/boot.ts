import { type Detection, detect } from "../sources/detect.ts";
import { localSources } from "../sources/local-sources.ts";
import { type MachineSigns, readSigns } from "../sources/signs.ts";
import { configureSystem } from "./configure-system.ts";
import { endBoot } from "./end-boot.ts";
import { describeSource, findSource, noSource, type SourceResult } from "./find-source.ts";
import type { Host } from "./host.ts";
import { finishHostKeys, printHostKeys } from "./host-key-lines.ts";
import { removeHostKeys, startHostKeys } from "./host-keys.ts";
import { Journal } from "./journal.ts";
import { keepInstance, type LastInstance, readLastInstance } from "./last-instance.ts";
import { loadPart } from "./parts.ts";
import { setHostName } from "./set-host-name.ts";
import { chooseNetwork, setNetwork } from "./set-network.ts";
import { readUsage } from "./usage.ts";
import { hasUserConfig, instanceOf } from "./user-config.ts";
import { writeStatus } from "./write-status.ts";

/**
 * Configures the instance before its services start, once at each boot: its source, name, network, keys, then what user data wants. Everything that it waits for has a
 * bound of its own; init ends it if that is not enough. Never throws.
 */
export function boot(host: Host): void {
  const startedMs = host.nowMs();
  const journal = new Journal(host);
  journal.stage("init-local");
  journal.phase("start", () => ({ value: begin(host, journal) }));
  const last = readLastInstance(host);
  const signs = readSigns(host);
  const detection = detect(signs);
  if (detection.isDisabled) {
    endDisabled(host, journal, detection);
    return;
  }

  let source = journal.phase("datasource", (problem) => findLocal(host, signs, detection, problem));
  // The log of a boot shows where it stood, should the machine die in the next phase.
  let keys = startKeys(host, journal);
  let told = withLast(source ?? noSource, last);
  let hostname = journal.phase("hostname", (problem) => setHostName(host, told.hostname, problem));
  const askable = askableNames(source, detection);
  const isAsking = askable.length > 0;
  let network = journal.phase("network", (problem) => {
    // What another instance had would lead nowhere: whoever is to be asked is reached by DHCP.
    const document = chooseNetwork(host, signs, isAsking && source?.found.network === undefined ? {} : told, problem);
    return setNetwork(host, { ...document, hostname }, problem, (text) => journal.said("network", text));
  });

  journal.stage("init");
  if (isAsking) {
    const tell = (text: string) => journal.said("datasource", text);
    const request = { signs, names: askable, before: source, tell };
    const answer = journal.phase("datasource", (problem) => askNetwork(host, request, problem));
    if (answer !== undefined && answer !== source) {
      source = answer;
      told = withLast(answer, last);
      hostname = journal.phase("hostname", (problem) => setHostName(host, told.hostname, problem)) ?? hostname;
    }
    network = journal.phase("network", (problem) =>
      setNetwork(host, { ...chooseNetwork(host, signs, told, problem), hostname }, problem, tell),
    );
  }
  const networkUpMs = readUsage(host).ageMs;
  const used = source ?? unchanged(last);
  journal.phase("cached", () => ({ said: source === undefined ? saysUnchanged(last) : undefined, value: undefined }));
  const instance = instanceOf(host, used, told, last);
  const isUserConfigured = hasUserConfig(host, signs, instance);
  // An image of an instance was started: its keys are known to whoever has the other one. With user data its module decides.
  if (instance.isNew && last !== undefined && !isUserConfigured) {
    finishHostKeys(host, keys, (problem) => journal.problem("host keys", problem));
    removeHostKeys(host);
    keys = startKeys(host, journal);
  }
  const before = readUsage(host);
  const hostKeys = journal.phase("host keys", (problem) => finishHostKeys(host, keys, problem)) ?? [];
  const keysMs = readUsage(host).childrenMs - before.childrenMs;
  const hasFinalStage = configureSystem(host, { source: used, instance, isUserConfigured }, journal);
  printHostKeys(hostKeys, hostname, journal);
  // Network problems come and go; whatever else was told in full is worth keeping.
  if (source?.found.instanceId !== undefined && source.found.problems.length === 0)
    journal.phase("cache", () => ({ value: keepInstance(host, told) }));
  const nics = network?.nics ?? [];
  const { instanceId } = told;
  const times = { startedMs, networkUpMs, keysMs };
  endBoot(host, journal, { source: used, instanceId, hostname, nics, hasFinalStage, ...times });
}

function begin(host: Host, { stages, phases, errors }: Journal): void {
  host.makeDirectory("/run/cloudimg", 0o755);
  writeStatus(host, { version: 1, status: "running", nics: [], stages, phases, errors });
}

function startKeys(host: Host, journal: Journal) {
  return journal.phase("start host keys", () => ({ value: startHostKeys(host) })) ?? [];
}

function endDisabled(host: Host, journal: Journal, { why }: Detection): void {
  journal.endStage();
  const { stages, phases, errors } = journal;
  journal.phase("status", () => ({
    value: writeStatus(host, { version: 1, status: "disabled", place: why, nics: [], stages, phases, errors }),
  }));
  journal.line(`cloudimg-init: ready: source=disabled instance=none nics=none: ${why}`);
}

type Report = (problem: string) => void;

function findLocal(host: Host, signs: MachineSigns, { local, network, why }: Detection, problem: Report) {
  const sources = localSources.filter(({ cloudInitName }) => local.includes(cloudInitName));
  const source = findSource(host, { signs, sources, problem, tell: () => {} });
  if (source !== undefined) return { said: describeSource(source), value: source };
  const more = network.length > 0 ? `, ${network.join(", ")} will be asked` : "";
  return { said: `none on this machine${more}: ${why}`, value: undefined };
}

/** A whole drive needs no company; one that is broken, or says a part only, does. */
function askableNames(source: SourceResult | undefined, { network, fallback }: Detection): readonly string[] {
  if (source === undefined) return network;
  if (source.isDecided) return [];
  // A seed on a drive may name an URL.
  const own = source.found.asksOn === true && source.datasource === "NoCloud" ? ["NoCloud"] : [];
  return [...new Set([...own, ...network, ...fallback])];
}

function askNetwork(
  host: Host,
  request: { signs: MachineSigns; names: readonly string[]; before: SourceResult | undefined; tell: Report },
  problem: Report,
) {
  const { names, before } = request;
  const sources = loadPart(host, "sources").networkSources.filter(({ cloudInitName }) => names.includes(cloudInitName));
  const source = findSource(host, { ...request, sources, problem });
  if (source === before) problem(`${names.join(", ")} did not answer`);
  return { said: source && source !== before ? describeSource(source) : undefined, value: source };
}

/** No source: the instance stays what it was. */
function unchanged(last: LastInstance | undefined): SourceResult {
  if (last === undefined) return noSource;
  return { ...noSource, name: "cache", datasource: last.datasource ?? noSource.datasource };
}

function saysUnchanged(last: LastInstance | undefined): string | undefined {
  return last && `as last time: instance ${last.instanceId}`;
}

/** What the source leaves open is as it was last time, unless this is another instance. */
function withLast({ datasource, found }: SourceResult, last: LastInstance | undefined): LastInstance {
  const isSame = last !== undefined && (found.instanceId ?? last.instanceId) === last.instanceId;
  return {
    instanceId: found.instanceId ?? last?.instanceId ?? "",
    datasource: found.instanceId === undefined && isSame ? last.datasource : datasource,
    hostname: found.hostname ?? (isSame ? last.hostname : undefined),
    network: found.network ?? (isSame ? last.network : undefined),
    isNetworkDisabled: found.isNetworkDisabled,
  };
}
