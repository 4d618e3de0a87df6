import type { Host } from "../initializer/host.ts";
import { run } from "../initializer/processes.ts";
import type { NetworkState } from "../network-state.ts";
import { readApplied } from "./applied.ts";
import { bestNic, listNics } from "./nics.ts";
import { shellScript, words } from "./steps.ts";

/** For cables that take their time. */
const carrierLimitMs = 2000;

/**
 * Nobody says what to do: DHCP and router advertisements on the first card with a cable. Undefined if there is no card. Nobody waits for DHCPv6, which few networks have.
 */
export function fallbackNetwork(host: Host): NetworkState | undefined {
  const list = () => listNics(host, readApplied(host).firstCards);
  let nics = list();
  const idle = nics.filter(({ isUp }) => !isUp);
  const steps = idle.map(({ name }) => ({ title: "", shell: words("up", name) }));
  if (steps.length > 0) run(host, { argv: ["sh", "-c", shellScript(steps)] }, carrierLimitMs);
  const deadlineMs = host.nowMs() + carrierLimitMs;
  for (;;) {
    nics = list();
    if (nics.length === 0 || nics.some(({ hasCarrier }) => hasCarrier) || host.nowMs() >= deadlineMs) break;
    host.sleepMs(50);
  }
  const nic = bestNic(nics);
  if (nic === undefined) return undefined;
  const nothing = { addresses: [], routes: [], nameservers: [], search: [] };
  const dynamic = {
    dhcp4: true,
    dhcp6: "stateful",
    dhcp6Overrides: { optional: true },
    slaac: false,
    acceptRa: true,
  } as const;
  return {
    interfaces: [{ kind: "physical", mac: nic.mac, ...dynamic, ...nothing }],
    nameservers: [],
    search: [],
  };
}
