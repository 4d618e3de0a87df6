import type { Host } from "./host.ts";
import { hostKeyPaths } from "./host-keys.ts";
import { quote, run } from "./processes.ts";
import type { VerbResult } from "./verb-result.ts";

/** What makes an instance this one. Gone, the next boot is a first boot: for whoever makes an image of a running system. */
const traces = [
  ...["instance", "instances", "data", "sem", "handlers"].map((name) => `/var/lib/cloud/${name}`),
  "/var/lib/cloudimg",
  // Of all types, with the public halves beside them: whoever starts the image must not have the same.
  ...hostKeyPaths.flatMap((path) => [path, `${path}.pub`]),
  "/run/cloud-init",
];
const seeds = ["/var/lib/cloud/seed"];
const logs = ["/var/log/cloudimg-init.log", "/var/log/cloudimg-init-output.log"];
const limitMs = 60_000;

/** `clean [--logs] [--seed] [--machine-id] [--reboot]`. */
export function clean(host: Host, args: readonly string[]): VerbResult {
  const known = { "--logs": "-l", "--seed": "-s", "--machine-id": "", "--reboot": "-r" };
  const has = (name: keyof typeof known) => args.includes(name) || (known[name] !== "" && args.includes(known[name]));
  const all = [...Object.keys(known), ...Object.values(known)];
  if (args.some((word) => word === "" || !all.includes(word))) return { isMisused: true };
  const paths = [...traces, ...(has("--logs") ? logs : []), ...(has("--seed") ? seeds : [])];
  const commands = [`rm -rf ${paths.map(quote).join(" ")}`];
  if (has("--machine-id")) commands.push("[ ! -e /etc/machine-id ] || echo uninitialized >/etc/machine-id");
  commands.push("sync");
  if (has("--reboot")) commands.push("reboot");
  const outputPath = "/run/cloudimg/clean.log";
  host.makeDirectory("/run/cloudimg", 0o755);
  const { status, output } = run(host, { argv: ["sh", "-c", commands.join(" && ")], outputPath }, limitMs);
  return status === 0 ? { text: "" } : { error: `cannot remove everything: ${output.trim()}` };
}
