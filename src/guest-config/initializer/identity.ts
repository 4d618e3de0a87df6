import type { Host } from "./host.ts";

/** A host name in its two forms. */
export interface HostName {
  readonly short: string;
  /** With domain if there is one. */
  readonly full: string;
}

/** RFC 1123 section 2.1. OpenStack's own domain `.novalocal` resolves nowhere and is taken off. Undefined for what is no host name. */
export function parseHostName(text: string): HostName | undefined {
  const full = text
    .trim()
    .replace(/\.novalocal$/, "")
    .replace(/\.$/, "");
  const isGood =
    full.length <= 253 &&
    full.split(".").every((label) => /^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/.test(label));
  return isGood ? { short: full.split(".")[0] as string, full } : undefined;
}

/** Debian's place for a host's own name that no interface's address need back. */
const hostsAddress = "127.0.1.1";

/** /etc/hosts with this machine's name in it; all other lines stay. */
export function withHostsEntry(hosts: string, { short, full }: HostName): string {
  const entry = `${hostsAddress}\t${full === short ? short : `${full} ${short}`}`;
  const lines = hosts.split("\n");
  const at = lines.findIndex((line) => line.trim().split(/\s+/)[0] === hostsAddress);
  if (at >= 0) lines[at] = entry;
  else {
    if (lines.at(-1) === "") lines.pop();
    lines.push(entry, "");
  }
  return lines.join("\n");
}

/** Makes it the name of the running system and of the next boot. Writes nothing that is so already. */
export function applyHostName(host: Host, name: HostName): string[] {
  const problems: string[] = [];
  const kernel = "/proc/sys/kernel/hostname";
  if (host.readText(kernel)?.trim() !== name.short && !host.append(kernel, name.short))
    problems.push(`the kernel refuses the host name ${name.short}`);
  const update = (path: string, text: string) => {
    try {
      if (host.readText(path) !== text) host.writeFile(path, text, 0o644);
    } catch (error) {
      problems.push((error as Error).message);
    }
  };
  update("/etc/hostname", `${name.short}\n`);
  update("/etc/hosts", withHostsEntry(host.readText("/etc/hosts") ?? "127.0.0.1\tlocalhost\n", name));
  return problems;
}
