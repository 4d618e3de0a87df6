import { decodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import { asObject } from "../initializer/json-values.ts";
import { loadPart } from "../initializer/parts.ts";
import { run } from "../initializer/processes.ts";
import { kernelNetworkConfig } from "../network/kernel-network.ts";
import type { ParsedNetwork } from "../network-state.ts";
import { readCloudFiles } from "./cloud-settings.ts";
import { parseDocument } from "./documents.ts";
import { firstLine } from "./first-line.ts";
import type { MachineSigns } from "./signs.ts";

export interface BootNetwork extends ParsedNetwork {
  /** For people: what said it. */
  readonly place: string;
}

/**
 * The network that goes before any source's: of the kernel's command line, else of the initrd, else of the image's own /etc/cloud. What cannot be read is
 * reported, and the next place is looked at. Undefined if none of them says anything. Never throws.
 */
export function bootNetwork(host: Host, signs: Pick<MachineSigns, "commandLine">): BootNetwork | undefined {
  const problems: string[] = [];
  const places: string[] = [];
  for (const [place, read] of [
    ["network-config= of the command line", fromKernel],
    ["the initrd", fromInitrd],
    ["/etc/cloud", fromCloudFiles],
  ] as const) {
    const parsed = attempt(() => read(host, signs.commandLine, problems), place, problems);
    if (parsed === undefined) continue;
    problems.push(...parsed.problems);
    places.push(place);
    if (parsed.network !== undefined || parsed.isDisabled === true) return { ...parsed, place, problems };
  }
  return problems.length === 0 ? undefined : { place: places.join(", "), problems };
}

/** A part that the image lacks must not end the boot. */
function attempt<T>(work: () => T, place: string, problems: string[]): T | undefined {
  try {
    return work();
  } catch (error) {
    problems.push(`${place}: ${firstLine((error as Error).message)}`);
    return undefined;
  }
}

function fromKernel(host: Host, commandLine: string, problems: string[]): ParsedNetwork | undefined {
  const said = kernelNetworkConfig(commandLine);
  if (said === undefined) return undefined;
  if ("isDisabled" in said) return { isDisabled: true, problems: [] };
  if ("problem" in said) return { problems: [said.problem] };
  const text = "text" in said ? said.text : unpack(host, said.gzip);
  if (text === undefined) return { problems: ["network-config= of the command line cannot be unpacked"] };
  return parseConfig(host, text, "network-config= of the command line", problems);
}

const largestText = 1 << 20;
const unpackLimitMs = 4000;

function unpack(host: Host, gzip: Uint8Array): string | undefined {
  const path = "/run/cloudimg/network-config";
  host.makeDirectory("/run/cloudimg", 0o755);
  host.writeFile(`${path}.gz`, gzip, 0o600);
  const script = `gunzip -c ${path}.gz | head -c ${largestText}`;
  run(host, { argv: ["sh", "-c", script], outputPath: path }, unpackLimitMs);
  const bytes = host.readBytes(path, 0, largestText);
  return bytes === undefined || bytes.length === 0 || bytes.length === largestText ? undefined : decodeUtf8(bytes);
}

function parseConfig(host: Host, text: string, name: string, problems: string[]): ParsedNetwork | undefined {
  const document = parseDocument(host, text, name, problems);
  return document && loadPart(host, "documents").parseNetworkConfig(document.value);
}

/** The initrd has obeyed `ip=`: the root may be on that network. */
function fromInitrd(host: Host, commandLine: string): ParsedNetwork | undefined {
  if (!/(?:^|\s)ip6?=/.test(commandLine) && host.attributes("/run/initramfs/open-iscsi.interface") === undefined)
    return undefined;
  const names = host.list("/run").filter((name) => /^net6?-.+\.conf$/.test(name));
  if (names.length === 0) return undefined;
  const files = Object.fromEntries(names.map((name) => [name, host.readText(`/run/${name}`) ?? ""]));
  const root = "/sys/class/net";
  const macs = host.list(root).flatMap((name) => {
    const mac = host.readText(`${root}/${name}/address`)?.trim().toLowerCase();
    return mac === undefined || mac === "" ? [] : [[name, mac]];
  });
  return loadPart(host, "documents").parseKlibc(files, Object.fromEntries(macs));
}

/** The last file with a `network:` counts. */
function fromCloudFiles(host: Host, _: string, problems: string[]): ParsedNetwork | undefined {
  for (const { path, text } of readCloudFiles(host).reverse()) {
    if (!/^["']?network["']?\s*:/m.test(text) && !/^\s*\{/.test(text)) continue;
    const network = asObject(parseDocument(host, text, path, problems)?.value)?.["network"];
    if (network !== undefined && network !== null) return loadPart(host, "documents").parseNetworkConfig({ network });
  }
  return undefined;
}
