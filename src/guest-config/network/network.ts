import type { Host } from "../initializer/host.ts";
import { run, waitFor } from "../initializer/processes.ts";
import type { NetworkState } from "../network-state.ts";
import { leasedAddress, startDhcp } from "./dhcp.ts";
import { type NetworkPlan, planNetwork, type Step } from "./network-plan.ts";
import { bestNic, listNics, type Nic } from "./nics.ts";
import { composeResolvConf, dnsDirectory, documentDnsFile, formatDns } from "./resolver.ts";

/** The whole phase ends within this time, whatever the cards, cables and servers do. */
const networkLimitMs = 15_000;
const stepsLimitMs = 5000;
/** For cards that are plugged in while the machine boots, and for cables that take their time. */
const missingLimitMs = 3000;
const carrierLimitMs = 2000;

export interface NicReport {
  readonly name: string;
  readonly mac: string;
  readonly method: "static" | "dhcp" | "static+dhcp" | "up";
  readonly addresses: readonly string[];
}

export interface NetworkResult {
  readonly nics: readonly NicReport[];
  readonly problems: readonly string[];
}

/** Brings up the network that a document wants: what is static at once, then DHCP on all its cards together. */
export function configureNetwork(host: Host, network: NetworkState, hostname: string | undefined): NetworkResult {
  const deadlineMs = host.nowMs() + networkLimitMs;
  let nics = listNics(host);
  let plan = planNetwork(network, nics, isLoopbackUp(host));
  const problems = [...plan.problems, ...applySteps(host, plan.steps), ...applyDns(host, plan)];
  const started = new Set(plan.dhcp.map(({ nic }) => nic));
  const clients = startDhcp(host, plan.dhcp, hostname);

  if (plan.missing.length > 0) {
    const hasMore = () => {
      const before = nics.length;
      nics = listNics(host);
      return nics.length > before;
    };
    if (waitUntil(host, hasMore, missingLimitMs)) {
      // What is done already is refused as such, and that is no error.
      plan = planNetwork(network, nics, true);
      problems.push(...applySteps(host, plan.steps), ...applyDns(host, plan));
      clients.push(
        ...startDhcp(
          host,
          plan.dhcp.filter(({ nic }) => !started.has(nic)),
          hostname,
        ),
      );
    }
    for (const name of plan.missing) problems.push(`this machine has no network card ${name}`);
  }
  waitFor(host, clients, Math.max(0, deadlineMs - host.nowMs()));
  const reports = plan.interfaces.map(({ name, state }): NicReport => {
    const leased = state.dhcp4 ? leasedAddress(host, name) : undefined;
    if (state.dhcp4 && leased === undefined) problems.push(`${name}: no DHCP server has answered yet`);
    const isStatic = state.addresses.length > 0;
    const method = state.dhcp4 ? (isStatic ? "static+dhcp" : "dhcp") : isStatic ? "static" : "up";
    const addresses = [...state.addresses, ...(leased === undefined ? [] : [leased])];
    return { name, mac: state.mac ?? "", method, addresses };
  });
  return { nics: reports, problems };
}

/** Nobody says what to do: DHCP on the first card with a cable. Undefined if there is no card. */
export function fallbackNetwork(host: Host): NetworkState | undefined {
  let nics = listNics(host);
  const idle = nics.filter(({ isUp }) => !isUp);
  const start = (nic: Nic): Step => ({ title: `start ${nic.name}`, shell: `ip link set dev ${nic.name} up` });
  if (idle.length > 0) applySteps(host, idle.map(start));
  waitUntil(
    host,
    () => {
      nics = listNics(host);
      return nics.length === 0 || nics.some(({ hasCarrier }) => hasCarrier);
    },
    carrierLimitMs,
  );
  const nic = bestNic(nics);
  if (nic === undefined) return undefined;
  const nothing = { addresses: [], routes: [], nameservers: [], search: [] };
  return {
    interfaces: [{ kind: "physical", mac: nic.mac, dhcp4: true, slaac: false, ...nothing }],
    nameservers: [],
    search: [],
  };
}

/** All in one shell, since each program costs milliseconds to start. A step that fails does not stop the others. */
export function shellScript(steps: readonly Step[]): string {
  return steps.map(({ shell }, index) => `{ ${shell}; } || echo "failed ${index}"\n`).join("");
}

function applySteps(host: Host, steps: readonly Step[]): string[] {
  if (steps.length === 0) return [];
  const argv = ["sh", "-c", shellScript(steps)];
  const { status, output } = run(host, { argv, outputPath: "/run/cloudimg/network.log" }, stepsLimitMs);
  const problems = failures(steps, output);
  if (status === undefined) problems.push("setting up the network takes too long");
  return problems;
}

/** Each failure is preceded by what the program said. That something is there already is what we want. */
export function failures(steps: readonly Step[], output: string): string[] {
  const problems: string[] = [];
  let said: string[] = [];
  for (const line of output.split("\n")) {
    const index = /^failed (\d+)$/.exec(line)?.[1];
    if (index === undefined) {
      if (line.trim() !== "") said.push(line.trim());
      continue;
    }
    const text = said.join("; ");
    if (!/File exists/.test(text)) problems.push(`cannot ${steps[Number(index)]?.title}: ${text || "failed"}`);
    said = [];
  }
  return problems;
}

function applyDns(host: Host, plan: NetworkPlan): string[] {
  const own = formatDns(plan);
  if (own === "" && host.readText(documentDnsFile) === undefined) return [];
  try {
    host.makeDirectory(dnsDirectory, 0o755);
    host.writeFile(documentDnsFile, own, 0o644);
    const files = host.list(dnsDirectory).map((name) => host.readText(`${dnsDirectory}/${name}`) ?? "");
    const text = composeResolvConf(files);
    if (host.readText("/etc/resolv.conf") !== text) host.writeFile("/etc/resolv.conf", text, 0o644);
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

function isLoopbackUp(host: Host): boolean {
  return (Number(host.readText("/sys/class/net/lo/flags") ?? 0) & 1) !== 0;
}

function waitUntil(host: Host, condition: () => boolean, limitMs: number): boolean {
  const deadlineMs = host.nowMs() + limitMs;
  while (!condition()) {
    if (host.nowMs() >= deadlineMs) return false;
    host.sleepMs(100);
  }
  return true;
}
