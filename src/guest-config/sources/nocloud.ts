import type { Host } from "../initializer/host.ts";
import type { Found } from "./datasource.ts";
import { directoryReader, type FileReader, largestFileBytes } from "./file-reader.ts";
import { isLocalSeed, isRemoteSeed, nocloudLine } from "./nocloud-line.ts";
import { type NocloudSeed, nocloudFound, readSeed } from "./nocloud-seed.ts";
import { nocloudSettings } from "./nocloud-settings.ts";
import { withoutPassword } from "./public-metadata.ts";
import type { MachineSigns } from "./signs.ts";
import { hasLabel } from "./volumes.ts";

/** What is on the machine of NoCloud. */
export function findNocloud(host: Host, signs: MachineSigns): Found | undefined {
  const { seeds, url } = gather(host, signs);
  // An URL without anything else is for later, when there is a network.
  if (seeds.length === 0 || (url !== undefined && seeds.every(({ isLine }) => isLine === true))) return undefined;
  const found = nocloudFound(host, seeds);
  return found && (url === undefined ? found : { ...found, asksOn: true });
}

/** Where further files are, to be asked for with `meta-data` and the like behind it; and what is known already, which goes before what they say. */
export interface RemoteSeed {
  /** Ends in a slash, unless it ends in a query. */
  readonly url: string;
  readonly seeds: readonly NocloudSeed[];
}

/** For the source that reads them over the network. */
export function remoteSeed(host: Host, signs: MachineSigns): RemoteSeed | undefined {
  const { seeds, url } = gather(host, signs);
  return url === undefined ? undefined : { url, seeds };
}

/** All seeds of this machine; those that go before others come first. */
function gather(host: Host, signs: MachineSigns): { seeds: readonly NocloudSeed[]; url?: string | undefined } {
  const seeds: NocloudSeed[] = [];
  const line = nocloudLine(signs);
  if (line !== undefined)
    seeds.push({ place: "a line of configuration", metadata: line.values, problems: [], isLine: true });
  seeds.push(...drives(signs).map(({ device, open }) => readOpened(host, device, open())));
  const settings = signs.settings.noCloud && nocloudSettings(host);
  if (settings !== undefined) seeds.push(settings);
  seeds.push(...signs.seeds.noCloud.slice(0, 1).map((place) => readOpened(host, place, directoryReader(host, place))));
  const seedFrom = seeds.map(({ metadata }) => metadata?.["seedfrom"]).find((value) => typeof value === "string");
  if (typeof seedFrom !== "string") return { seeds };
  const place = replaceDmi(host, seedFrom);
  const directory = /[?/]/.test(place.slice(-1)) || place.includes("?") ? place : `${place}/`;
  if (isRemoteSeed(place)) return { seeds, url: directory };
  if (isLocalSeed(place)) {
    const root = directory.replace(/^file:\/\//, "").replace(/\/+$/, "");
    return { seeds: [...seeds, { ...readOpened(host, root, directoryReader(host, root)), isNamed: true }] };
  }
  const problem = `seedfrom is neither a directory nor an URL: ${withoutPassword(place)}`;
  return { seeds: [...seeds, { place: "seedfrom", problems: [problem], isBroken: true }] };
}

/** The first good drive is used alone; broken ones only if there is no other. */
function drives({ volumes }: MachineSigns) {
  const labelled = volumes.filter((volume) => hasLabel(volume, "cidata"));
  const hasFiles = (files: FileReader | undefined) => files?.list("").includes("meta-data") === true;
  const good = labelled.find((volume) => hasFiles(volume.open()));
  return good === undefined ? labelled.slice(0, 1) : [good];
}

function readOpened(host: Host, place: string, files: FileReader | undefined): NocloudSeed {
  if (files === undefined) return { place, problems: ["its root directory cannot be read"], isBroken: true };
  const names = files.list("");
  return readSeed(host, place, (name) =>
    names.includes(name) ? (files.readBytes(`/${name}`, 0, largestFileBytes) ?? "unreadable") : undefined,
  );
}

/** cloud-init's words and those of /sys/class/dmi/id. */
const dmiWords: Readonly<Record<string, string>> = {
  baseboard: "board",
  system: "product",
  manufacturer: "vendor",
  "serial-number": "serial",
  "product-name": "name",
  "release-date": "date",
};

/** `http://192.0.2.1/__dmi.system-uuid__/`; what is not known stays. */
function replaceDmi(host: Host, text: string): string {
  return text.replace(/__dmi\.(baseboard|bios|chassis|system)-([a-z-]+)__/g, (all, part: string, what: string) => {
    const file = `${dmiWords[part] ?? part}_${dmiWords[what] ?? what.replaceAll("-", "_")}`;
    const path = `/sys/class/dmi/id/${file === "product_vendor" ? "sys_vendor" : file}`;
    return host.readText(path)?.trim() || all;
  });
}
