import { type Detection, detect } from "../sources/detect.ts";
import { localSources } from "../sources/local-sources.ts";
import { type MachineSigns, readSigns } from "../sources/signs.ts";
import { beginUnfinished } from "./final-marker.ts";
import { describeSource, findSource, noSource, type SourceResult } from "./find-source.ts";
import type { Host, Process } from "./host.ts";
import { Journal } from "./journal.ts";
import { type LastInstance, readLastInstance } from "./last-instance.ts";
import { loadPart } from "./parts.ts";
import { setHostName } from "./set-host-name.ts";
import { type Beside, chooseNetwork, setNetwork } from "./set-network.ts";
import { type Status, statusPath } from "./status.ts";
import { readUsage } from "./usage.ts";

/**
 * Configures the instance before its services start, once at each boot: its source, name, network, keys, then what user data wants. Everything that it waits for has a
 * bound of its own; init ends it if that is not enough. Never throws.
 */
export function boot(host: Host): void {
  const startedMs = host.nowMs();
  const journal = new Journal(host);
  journal.stage("init-local");
  journal.phase("start", () => ({ value: begin(host) }));
  const last = readLastInstance(host);
  const signs = readSigns(host);
  const detection = detect(signs);
  if (detection.isDisabled) {
    loadPart(host, "system").endDisabled(host, journal, detection.why);
    return;
  }

  let keys: readonly Process[] = [];
  const beside: Beside = {
    tell: (text) => journal.said("network", text),
    // Reading code and making keys take long where processors are slow: here they cost nothing.
    meanwhile: () => {
      keys = startKeys(host, journal, keys);
    },
  };

  let source = journal.phase("datasource", (problem) => findLocal(host, signs, detection, problem));
  let told = withLast(source ?? noSource, last);
  let hostname = journal.phase("hostname", (problem) => setHostName(host, nameOf(source, told), problem));
  const names = askableNames(source, detection);
  let network = journal.phase("network", (problem) => {
    // What another instance had would lead nowhere: whoever is to be asked is reached by DHCP.
    const isStranger = names.length > 0 && source?.found.network === undefined;
    const wish = chooseNetwork(host, signs, isStranger ? {} : told, problem);
    return setNetwork(host, { ...wish, hostname }, beside, problem);
  });

  journal.stage("init");
  if (names.length > 0) {
    const tell = (text: string) => journal.said("datasource", text);
    const request = { signs, names, before: source, tell };
    const answer = journal.phase("datasource", (problem) => askNetwork(host, request, problem));
    if (answer !== undefined && answer !== source) {
      source = answer;
      told = withLast(answer, last);
      hostname = journal.phase("hostname", (problem) => setHostName(host, nameOf(source, told), problem)) ?? hostname;
    }
    network = journal.phase("network", (problem) =>
      setNetwork(host, { ...chooseNetwork(host, signs, told, problem), hostname }, beside, problem),
    );
  }
  const networkUpMs = readUsage(host).ageMs;
  keys = startKeys(host, journal, keys);
  if (source === undefined && last !== undefined)
    journal.said("datasource", `as last time: instance ${last.instanceId}`);
  loadPart(host, "system").finishBoot(host, {
    ...{ journal, startedMs, networkUpMs, signs, last, told, hostname, keys },
    source: source ?? unchanged(last),
    // In part too: what is missing is as last time, and at the next boot this instance is no new one.
    isTold: source?.found.instanceId !== undefined || source?.found.network !== undefined,
    nics: network?.nics ?? [],
  });
}

/** Whoever waits sees that it has begun. The rest of the status is written when the network is up. */
function begin(host: Host): void {
  host.makeDirectory("/run/cloudimg", 0o755);
  beginUnfinished(host, { keys: {} });
  const status: Status = { version: 1, status: "running", nics: [], phases: {}, errors: [] };
  host.writeFile(statusPath, `${JSON.stringify(status)}\n`, 0o644);
}

/** Unless they are being made. */
function startKeys(host: Host, journal: Journal, keys: readonly Process[]): readonly Process[] {
  if (keys.length > 0) return keys;
  return journal.phase("start host keys", () => ({ value: loadPart(host, "system").startHostKeys(host) })) ?? [];
}

function nameOf(source: SourceResult | undefined, { hostname }: LastInstance) {
  return { hostname, userData: source?.found.userData };
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
