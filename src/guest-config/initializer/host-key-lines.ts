import type { Host, Process } from "./host.ts";
import { type PublicKey, quietHostKeysPath, readHostKeys } from "./host-keys.ts";
import type { Journal } from "./journal.ts";
import { waitFor } from "./processes.ts";

/** Host keys are made while the network comes up; what is not ready then gets this much longer. */
const hostKeysLimitMs = 8000;

export function finishHostKeys(host: Host, making: readonly Process[], problem: (text: string) => void) {
  const statuses = waitFor(host, making, hostKeysLimitMs);
  for (const [index, status] of statuses.entries()) {
    if (status === undefined) making[index]?.kill();
    const how = status === undefined ? "takes too long" : `ended with ${status}`;
    if (status !== 0) problem(`cannot make an ssh host key: dropbearkey ${how}`);
  }
  const said = making.length === 0 ? undefined : `${making.length} made`;
  return { said, value: readHostKeys(host) };
}

/** As cloud-init prints them: tools that read consoles look for these lines. */
export function printHostKeys(
  host: Host,
  keys: readonly PublicKey[],
  hostname: string | undefined,
  journal: Journal,
): void {
  if (keys.length === 0 || host.readText(quietHostKeysPath) !== undefined) return;
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
