import type { Host, Process } from "../initializer/host.ts";
import { loadPart } from "../initializer/parts.ts";
import { run } from "../initializer/processes.ts";
import type { NetworkState } from "../network-state.ts";
import { keepApplied, readApplied, staleSteps } from "./applied.ts";
import { startDhcp } from "./dhcp.ts";
import type { DhcpClient } from "./dhcp-plan.ts";
import { ethtool } from "./link-steps.ts";
import { isStacked, type NetworkPlan, planNetwork } from "./network-plan.ts";
import { listNics } from "./nics.ts";
import { lacksPrefix, missingAnswers, type NicReport, reportNic } from "./report.ts";
import { applyDns } from "./resolver.ts";
import { failures, type Step, shellScript } from "./steps.ts";

/** The whole phase ends within this time, whatever the cards, cables and servers do. */
const networkLimitMs = 15_000;
const stepsLimitMs = 10_000;
const lateStepsLimitMs = 2000;
/** Of one argument of a program the kernel takes 128 KiB (MAX_ARG_STRLEN of linux/binfmts.h). */
const mostArgumentBytes = 60_000;
/** For cards that are plugged in while the machine boots. */
const missingLimitMs = 5000;
/** For routers: the card looks a second for others that have its link-local address, then asks. */
const routersLimitMs = 5000;

export interface NetworkResult {
  readonly nics: readonly NicReport[];
  readonly problems: readonly string[];
}

/**
 * Makes this machine's network what a document wants: what is static at once, then DHCP on all its cards together. What an earlier document wanted and this one does not is taken back; what
 * both want stays as it is. Never throws.
 *
 * @param say is told what is waited for, while it is, and what is done otherwise than the document says
 * @param meanwhile is called once if servers have been asked: their answers take time that can be used
 */
export function configureNetwork(
  host: Host,
  network: NetworkState,
  hostname: string | undefined,
  say: (text: string) => void = () => {},
  meanwhile: () => void = () => {},
): NetworkResult {
  const startMs = host.nowMs();
  const applied = readApplied(host);
  const stacked = isStacked(network) ? loadPart(host, "stacked") : undefined;
  let plan = planNetwork(network, listNics(host, applied.firstCards), isLoopbackUp(host), stacked);
  const problems = new Set(apply(host, plan, staleSteps(applied, plan)));
  let names = host.list("/sys/class/net").join();
  const clients = new Map<string, Process | undefined>();
  const startClients = () => {
    for (const client of plan.dhcp) {
      const key = `${client.family} ${client.nic}`;
      if (clients.has(key)) continue;
      try {
        clients.set(key, startDhcp(host, client, hostname));
      } catch (error) {
        clients.set(key, undefined);
        problems.add(`${client.nic}: ${(error as Error).message}`);
      }
    }
  };
  // Nothing is waited for that goes on by itself, or that the document can do without.
  const isDone = ({ family, nic, isOptional }: DhcpClient) => {
    const process = clients.get(`${family} ${nic}`);
    return isOptional || process === undefined || process.poll() !== undefined;
  };
  startClients();
  if (clients.size > 0) meanwhile();
  for (const note of plan.notes) say(note);
  const awaited = plan.missing.filter(({ isAwaited }) => isAwaited).map(({ what }) => what);
  if (awaited.length > 0) say(`waiting for network card ${awaited.join(", ")}`);
  const woken = plan.interfaces.filter(({ state }) => state.wakeOnLan === true).map(({ name }) => name);
  if (woken.length > 0 && host.attributes(ethtool) === undefined)
    say(`wake-on-LAN of ${woken.join(", ")} stays as it is: this image has no ethtool`);

  for (;;) {
    const elapsedMs = host.nowMs() - startMs;
    if (elapsedMs >= networkLimitMs) break;
    const isLate = plan.missing.some(({ isAwaited }) => isAwaited) && elapsedMs < missingLimitMs;
    const newNames = isLate ? host.list("/sys/class/net").join() : names;
    if (newNames !== names) {
      const next = planNetwork(network, listNics(host, plan.firstCards), true, stacked);
      if (next.missing.length < plan.missing.length) {
        // What is done already is refused as such, and that is no error.
        plan = next;
        for (const problem of apply(host, plan, [])) problems.add(problem);
        startClients();
      }
      names = host.list("/sys/class/net").join();
    }
    const waitsForRouter = elapsedMs < routersLimitMs && plan.interfaces.some((one) => lacksPrefix(host, one));
    if (!isLate && !waitsForRouter && plan.dhcp.every(isDone)) break;
    host.sleepMs(Math.ceil(Math.min(100, 5 + elapsedMs / 10)));
  }
  const silent = missingAnswers(host, plan);
  const late = plan.late.filter(({ nic }) => !silent.some((one) => one.nic === nic));
  for (const problem of runSteps(host, late, lateStepsLimitMs)) problems.add(problem);
  for (const { nic, who } of silent) problems.add(`${nic}: no ${who} has answered yet`);
  for (const { what, isOptional, isCard } of plan.missing)
    if (!isOptional) problems.add(isCard ? `this machine has no network card ${what}` : `${what}: its card is missing`);
  const cards = plan.interfaces.filter(({ state }) => state.kind !== "loopback");
  return { nics: cards.map((one) => reportNic(host, one)), problems: [...problems] };
}

function apply(host: Host, plan: NetworkPlan, stale: readonly Step[]): string[] {
  const problems = [...plan.problems];
  try {
    keepApplied(host, plan);
    keepLateRoutes(host, plan);
  } catch (error) {
    problems.push((error as Error).message);
  }
  return [...problems, ...runSteps(host, [...stale, ...plan.steps], stepsLimitMs), ...applyDns(host, plan)];
}

function runSteps(host: Host, steps: readonly Step[], limitMs: number): string[] {
  if (steps.length === 0) return [];
  const script = shellScript(steps);
  const path = "/run/cloudimg/network.sh";
  let argv = ["sh", "-c", script];
  try {
    if (script.length > mostArgumentBytes) {
      host.writeFile(path, script, 0o600);
      argv = ["sh", path];
    }
  } catch (error) {
    return [(error as Error).message];
  }
  const { status, output } = run(host, { argv, outputPath: "/run/cloudimg/network.log" }, limitMs);
  const problems = failures(steps, output);
  if (status === undefined) problems.push("setting up the network takes too long");
  return problems;
}

/** For udhcpc.sh, which does them whenever it has given a card an address. */
function keepLateRoutes(host: Host, { late, dhcp }: NetworkPlan): void {
  const directory = "/run/cloudimg/routes";
  const files = new Map(host.list(directory).map((name) => [name, ""]));
  for (const { nic } of dhcp) {
    const lines = late
      .filter((step) => step.nic === nic || step.nic === "")
      .map(({ shell }) => `${shell} 2>/dev/null\n`);
    if (lines.length > 0 || files.has(nic)) files.set(nic, lines.join(""));
  }
  if (files.size > 0) host.makeDirectory(directory, 0o755);
  for (const [name, text] of files) host.writeFile(`${directory}/${name}`, text, 0o600);
}

function isLoopbackUp(host: Host): boolean {
  return (Number(host.readText("/sys/class/net/lo/flags") ?? 0) & 1) !== 0;
}
