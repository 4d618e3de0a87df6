import type { Host } from "../initializer/host.ts";
import { run } from "../initializer/processes.ts";

/** A search list or name servers from one side: the document, or the DHCP server of a card. */
export interface DnsSettings {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
}

/** Each side has a file here, in the form of resolv.conf; sorted by name, the document's first. udhcpc.sh reads and writes them too. */
const dnsDirectory = "/run/cloudimg/dns";
const documentDnsFile = `${dnsDirectory}/00-document`;
const resolvConf = "/etc/resolv.conf";
const script = "/usr/lib/cloudimg/udhcpc.sh";
const scriptLimitMs = 5000;

/** MAXNS of resolv.h: the C library looks at three name servers. */
const mostNameservers = 3;

function formatDns({ nameservers, search }: DnsSettings): string {
  return [
    ...(search.length === 0 ? [] : [`search ${search.join(" ")}`]),
    ...nameservers.map((ip) => `nameserver ${ip}`),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** /etc/resolv.conf from what all sides say; udhcpc.sh does the same, and a test holds the two together. */
export function composeResolvConf(files: readonly string[]): string {
  const lines = files.join("\n").split("\n");
  const after = (word: string) =>
    lines.flatMap((line) => (line.startsWith(`${word} `) ? line.split(" ").slice(1) : []));
  const unique = (list: readonly string[]) => [...new Set(list.filter((item) => item !== ""))];
  return formatDns({
    nameservers: unique(after("nameserver")).slice(0, mostNameservers),
    search: unique(after("search")),
  });
}

/** Keeps what the document says and makes resolv.conf of it and of what DHCP servers have said. Gives problems; never throws. */
export function applyDns(host: Host, wanted: DnsSettings): string[] {
  // What has blanks or line ends in it would say something else in resolv.conf.
  const isWord = (text: string) => /^[!-~]+$/.test(text);
  const own = formatDns({ nameservers: wanted.nameservers.filter(isWord), search: wanted.search.filter(isWord) });
  if (own === "" && host.readText(documentDnsFile) === undefined) return [];
  try {
    host.makeDirectory(dnsDirectory, 0o755);
    host.writeFile(documentDnsFile, own, 0o644);
    const files = host.list(dnsDirectory).map((name) => host.readText(`${dnsDirectory}/${name}`) ?? "");
    const text = composeResolvConf(files);
    if (host.readText(resolvConf) === text) return [];
    if (host.attributes(resolvConf)?.kind === "link") return letScript(host);
    host.writeFile(resolvConf, text, 0o644);
    return [];
  } catch (error) {
    const problems = letScript(host);
    return problems.length === 0 ? [] : [(error as Error).message];
  }
}

/** It knows what to do with links and where nothing can be written. */
function letScript(host: Host): string[] {
  try {
    if (run(host, { argv: [script, "compose"] }, scriptLimitMs).status === 0) return [];
  } catch {
    // As good as a script that failed.
  }
  return [`cannot write ${resolvConf}`];
}
