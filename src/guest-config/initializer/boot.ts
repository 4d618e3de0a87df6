import { quickLook } from "../sources/quick-look.ts";
import { noSigns } from "../sources/signs.ts";
import { beginUnfinished } from "./final-marker.ts";
import type { Host, Process } from "./host.ts";
import { Journal } from "./journal.ts";
import { type LastInstance, readLastInstance } from "./last-instance.ts";
import type { AskRequest, Look } from "./look.ts";
import { loadPart } from "./parts.ts";
import { setHostName } from "./set-host-name.ts";
import { type Beside, setNetwork } from "./set-network.ts";
import { describeSource, noSource, type SourceResult } from "./source-result.ts";
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
  const look = journal.phase("datasource", (problem) => lookForSource(host, problem)) ?? nothing;
  if (look.disabledBecause !== undefined) {
    loadPart(host, "system").endDisabled(host, journal, look.disabledBecause);
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

  const { signs, names, ownNetwork } = look;
  let { source } = look;
  let told = withLast(source ?? noSource, last);
  let hostname = journal.phase("hostname", (problem) => setHostName(host, nameOf(source, told), problem));
  // What another instance had would lead nowhere: whoever is to be asked is reached by DHCP.
  const isStranger = names.length > 0 && source?.found.network === undefined;
  let network = journal.phase("network", (problem) =>
    setNetwork(host, { ...(ownNetwork ?? (isStranger ? {} : told)), hostname }, beside, problem),
  );

  journal.stage("init");
  if (names.length > 0) {
    const tell = (text: string) => journal.said("datasource", text);
    const request = { signs, names, before: source, tell };
    const answer = journal.phase("datasource", (problem) => ask(host, request, problem));
    if (answer !== undefined && answer !== source) {
      source = answer;
      told = withLast(answer, last);
      hostname = journal.phase("hostname", (problem) => setHostName(host, nameOf(source, told), problem)) ?? hostname;
    }
    network = journal.phase("network", (problem) =>
      setNetwork(host, { ...(ownNetwork ?? told), hostname }, beside, problem),
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

const nothing: Look = { signs: noSigns, names: [], said: "" };

function lookForSource(host: Host, problem: Report): { said: string; value: Look } {
  const look = quickLook(host) ?? loadPart(host, "drives").lookAround(host, problem);
  return { said: look.said, value: look };
}

function ask(host: Host, request: AskRequest, problem: Report) {
  const source = loadPart(host, "sources").askSources(host, request, problem);
  return { said: source && source !== request.before ? describeSource(source) : undefined, value: source };
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
