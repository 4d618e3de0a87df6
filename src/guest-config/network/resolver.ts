/** A search list or name servers from one side: the document, or the DHCP server of a card. */
export interface DnsSettings {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
}

/** Each side has a file here, in the form of resolv.conf; sorted by name, the document's first. udhcpc.sh reads and writes them too. */
export const dnsDirectory = "/run/cloudimg/dns";
export const documentDnsFile = `${dnsDirectory}/00-document`;

/** MAXNS of resolv.h: the C library looks at three name servers. */
const mostNameservers = 3;

export function formatDns({ nameservers, search }: DnsSettings): string {
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
