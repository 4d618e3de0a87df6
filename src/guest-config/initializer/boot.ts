import { configureNetwork, fallbackNetwork, type NetworkResult } from "../network/network.ts";
import type { Found } from "../sources/datasource.ts";
import { localSources } from "../sources/local-sources.ts";
import { readSigns } from "../sources/signs.ts";
import { applyAuthorizedKeys } from "./authorized-keys.ts";
import { decodeBase64 } from "./bytes.ts";
import type { Host, Process } from "./host.ts";
import { type PublicKey, readHostKeys, startHostKeys } from "./host-keys.ts";
import { applyHostName, parseHostName } from "./identity.ts";
import { Journal, oneLine } from "./journal.ts";
import { keepInstance, type LastInstance, readLastInstance } from "./last-instance.ts";
import { waitFor } from "./processes.ts";
import { type Status, writeStatus } from "./status.ts";
import { readUsage } from "./usage.ts";

/** Host keys are made while the network comes up; what is not ready then gets this much longer. */
const hostKeysLimitMs = 8000;

/**
 * Configures the instance, once at each boot. Everything that it waits for has a bound of its own; init ends it after 45 seconds. Never throws.
 */
export function boot(host: Host): void {
  const startedMs = host.nowMs();
  const journal = new Journal(host);
  journal.phase("start", () => ({ value: host.makeDirectory("/run/cloudimg", 0o755) }));
  const last = readLastInstance(host);
  const { source, found } = journal.phase("datasource", (problem) => readSource(host, last, problem)) ?? nothing;
  // The log of a boot shows where it stood, should the machine die in the next phase.
  const keys = journal.phase("start host keys", () => ({ value: startHostKeys(host) })) ?? [];
  const isSameInstance = last !== undefined && (found.instanceId ?? last.instanceId) === last.instanceId;
  const told: LastInstance = {
    instanceId: found.instanceId ?? last?.instanceId ?? "",
    hostname: found.hostname ?? (isSameInstance ? last.hostname : undefined),
    network: found.network ?? (isSameInstance ? last.network : undefined),
  };
  const hostname = journal.phase("hostname", (problem) => setHostName(host, told.hostname, problem));
  const network = journal.phase("network", (problem) => setNetwork(host, told, hostname, problem));
  const beforeKeys = readUsage(host);
  const hostKeys = journal.phase("host keys", (problem) => finishHostKeys(host, keys, problem)) ?? [];
  const keysMs = readUsage(host).childrenMs - beforeKeys.childrenMs;
  journal.phase("access", (problem) => giveAccess(host, found, problem));
  printHostKeys(hostKeys, hostname, journal);
  if (found.instanceId !== undefined && journal.errors.length === 0)
    journal.phase("cache", () => ({ value: keepInstance(host, told) }));

  const { phases, errors } = journal;
  const { ownMs, childrenMs, uptimeSeconds } = readUsage(host);
  const cpuMs = ownMs + childrenMs - keysMs;
  const totalMs = Math.round(host.nowMs() - startedMs);
  const nics = network?.nics ?? [];
  const { instanceId } = told;
  const summary = nics.map(({ name, method, addresses }) => [name, method, ...addresses].join(":")).join(",");
  const status: Status = {
    version: 1,
    status: errors.length === 0 ? "done" : "degraded",
    source,
    place: found.place,
    instanceId: instanceId === "" ? undefined : instanceId,
    hostname,
    nics,
    phases,
    errors,
    totalMs,
    cpuMs,
    hostKeysCpuMs: keysMs,
    uptimeSeconds,
  };
  journal.phase("status", () => ({ value: writeStatus(host, status) }));
  const words = [
    `source=${source}`,
    `instance=${oneLine(instanceId).replaceAll(" ", "_") || "none"}`,
    `nics=${summary || "none"}`,
    `total=${totalMs} ms cpu=${cpuMs} ms uptime=${uptimeSeconds}`,
  ];
  journal.line(`cloudimg-init: ready: ${words.join(" ")}`);
}

type Report = (problem: string) => void;

const noInstructions: Found = { place: "", authorizedKeys: {}, problems: [] };
const nothing = { source: "none", found: noInstructions };

function readSource(host: Host, last: LastInstance | undefined, problem: Report) {
  const signs = readSigns(host);
  for (const datasource of localSources) {
    const found = datasource.find(host, signs);
    if (found === undefined) continue;
    for (const text of found.problems) problem(text);
    const instance = found.instanceId === undefined ? "" : `, instance ${found.instanceId}`;
    return { said: `${datasource.name} on ${found.place}${instance}`, value: { source: datasource.name, found } };
  }
  const said = last === undefined ? "none found" : `none found, as last time: instance ${last.instanceId}`;
  return { said, value: last === undefined ? nothing : { source: "cache", found: noInstructions } };
}

function setHostName(host: Host, text: string | undefined, problem: Report) {
  const name = text === undefined ? undefined : parseHostName(text);
  if (text !== undefined && name === undefined) problem(`${JSON.stringify(text)} is no host name`);
  if (name === undefined) return { value: undefined };
  for (const reason of applyHostName(host, name)) problem(reason);
  return { said: name.full, value: name.short };
}

function setNetwork(host: Host, told: LastInstance, hostname: string | undefined, problem: Report) {
  let result: NetworkResult = { nics: [], problems: [] };
  if (told.network !== undefined) result = configureNetwork(host, told.network, hostname);
  const problems = [...result.problems];
  if (result.nics.length === 0) {
    const fallback = fallbackNetwork(host);
    if (fallback === undefined) problems.push("this machine has no network card");
    else {
      result = configureNetwork(host, fallback, hostname);
      problems.push(...result.problems);
    }
  }
  for (const text of problems) problem(text);
  const said = result.nics.map(({ name, method, addresses }) => [name, method, ...addresses].join(" ")).join("; ");
  return { said: said || "none", value: result };
}

function finishHostKeys(host: Host, making: readonly Process[], problem: Report) {
  const statuses = waitFor(host, making, hostKeysLimitMs);
  for (const [index, status] of statuses.entries()) {
    if (status === undefined) making[index]?.kill();
    const how = status === undefined ? "takes too long" : `ended with ${status}`;
    if (status !== 0) problem(`cannot make an ssh host key: dropbearkey ${how}`);
  }
  const said = making.length === 0 ? undefined : `${making.length} made`;
  return { said, value: readHostKeys(host) };
}

function giveAccess(host: Host, found: Found, problem: Report) {
  if (found.randomSeed !== undefined) {
    const seed = decodeBase64(found.randomSeed);
    if (seed === undefined) problem("random_seed is no base64");
    else host.append("/dev/urandom", seed);
  }
  const { added, problems } = applyAuthorizedKeys(host, found.authorizedKeys);
  for (const text of problems) problem(text);
  return { said: `keys for ${added.join(", ") || "nobody"}`, value: undefined };
}

/** As cloud-init prints them: tools that read consoles look for these lines. */
function printHostKeys(keys: readonly PublicKey[], hostname: string | undefined, journal: Journal): void {
  if (keys.length === 0) return;
  const block = (title: string, lines: string[]) =>
    journal.line([`-----BEGIN SSH HOST KEY ${title}-----`, ...lines, `-----END SSH HOST KEY ${title}-----`].join("\n"));
  block(
    "FINGERPRINTS",
    keys.map(({ line, fingerprint }) => `${fingerprint} ${line.split(" ")[0]}`),
  );
  block(
    "KEYS",
    keys.map(({ line }) => `${line} root@${hostname ?? "localhost"}`),
  );
}
