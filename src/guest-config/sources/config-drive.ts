import type { Host } from "../initializer/host.ts";
import { loadPart } from "../initializer/parts.ts";
import type { Datasource, Found } from "./datasource.ts";
import { hasOsConf } from "./detect.ts";
import { directoryReader, type FileReader } from "./file-reader.ts";
import { readOpenstackTree } from "./openstack-tree.ts";
import { withOsConf } from "./os-conf.ts";
import { hasLabel } from "./volumes.ts";

interface Candidate {
  readonly place: string;
  open(): FileReader | undefined;
}

/** OpenStack's config drive: a small disk or CD with the label `config-2`, or a directory of the same form. Tencent's has its os.conf too, or that alone. */
export const configDrive: Datasource = {
  name: "config-drive",
  cloudInitName: "ConfigDrive",
  find(host, { volumes, seeds }) {
    const labelled = volumes.filter((volume) => hasLabel(volume, "config-2"));
    const others = volumes.filter((volume) => !labelled.includes(volume) && hasOsConf(volume));
    const candidates: Candidate[] = [
      ...seeds.configDrive.map((place) => ({ place, open: () => directoryReader(host, place) })),
      ...[...labelled, ...others].map((volume) => ({ place: volume.device, open: volume.open })),
    ];
    const broken: Found[] = [];
    for (const candidate of candidates) {
      const found = readDrive(host, candidate);
      if (found === undefined) continue;
      if (found.isBroken !== true) return withProblemsOf(broken, found);
      broken.push(found);
    }
    // Of broken ones, the first that says at least who we are.
    const [first, ...rest] = [...broken].sort(
      (a, b) => Number(a.instanceId === undefined) - Number(b.instanceId === undefined),
    );
    return first && withProblemsOf(rest, first);
  },
};

function withProblemsOf(broken: readonly Found[], found: Found): Found {
  if (broken.length === 0) return found;
  const more = broken.flatMap(({ place, problems }) => problems.map((text) => `${place}: ${text}`));
  return { ...found, problems: [...more, ...found.problems] };
}

/** Undefined for a drive that says that it is not to be used. */
function readDrive(host: Host, { place, open }: Candidate): Found | undefined {
  const files = open();
  if (files === undefined) return brokenDrive(place, "its root directory cannot be read");
  const tree = readOpenstackTree(files, place, (text) => loadPart(host, "documents").parseInterfaces(text));
  if (typeof tree === "string") return withOsConf(undefined, files, place) ?? brokenDrive(place, tree);
  const { mode, ...found } = tree;
  if (mode === "disabled") return undefined;
  return withOsConf(mode === "pass" ? { ...found, asksOn: true } : found, files, place);
}

function brokenDrive(place: string, problem: string): Found {
  return { place, authorizedKeys: {}, problems: [problem], isBroken: true };
}
