import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PlannedImage } from "../../../src/build/pipeline.ts";
import { buildProfile, planProfile } from "../../../src/commands/building.ts";
import type { Built } from "../../../src/commands/built.ts";
import { createContext } from "../../../src/commands/environment.ts";
import { openProfile } from "../../../src/commands/open-profile.ts";
import type { Context } from "../../../src/core/context.ts";
import type { LoadedProfile } from "../../../src/profile/load.ts";
import { makeTar } from "../packages/fixtures.ts";

/** A whole image, small but real: Debian's kernel, busybox, and a tree with all that a root file system may hold. */
export interface Probe {
  readonly name: string;
  /** The section `disk` of its profile. */
  readonly disk: string;
  /** Default: `busybox`. */
  readonly system?: "none";
  /** Further sections. */
  readonly more?: string;
  /** Default: `formats: [raw]`. */
  readonly output?: string;
}

export interface BuiltProbe {
  readonly loaded: LoadedProfile;
  readonly built: Built;
  readonly planned: PlannedImage;
  /** Of the raw image. */
  readonly path: string;
}

const pax = (record: string) => ({ path: "pax", type: "x", content: `${record.length + 4} ${record}\n` });

/** What FAT does not hold: links, pipes, devices, owners. */
const oddFiles: Parameters<typeof makeTar>[0] = [
  { path: "./opt/odd/first", content: "two names\n", mode: 0o4751, uid: 70_000, gid: 33 },
  { path: "./opt/odd/second", hardLink: "./opt/odd/first" },
  { path: "./opt/odd/59", link: "t".repeat(59) },
  { path: "./opt/odd/60", link: "u".repeat(60) },
  { path: "./opt/odd/pipe", type: "6", mode: 0o600 },
  { path: "./opt/odd/tty", type: "3", major: 4, minor: 64, mode: 0o620, gid: 5 },
  { path: "./opt/odd/disk", type: "4", major: 259, minor: 3, mode: 0o660, gid: 6 },
];

/** What ISO 9660 does not hold either. */
const attributedFiles: typeof oddFiles = [
  pax("SCHILY.xattr.user.note=an attribute"),
  { path: "./opt/odd/noted", content: "x" },
];

/** Files that every file system holds, at sizes around block boundaries, also below mount points of partitions. */
const files = [
  ["/opt/plain/empty", 0],
  ["/opt/plain/block", 4096],
  ["/opt/plain/block-and-one", 4097],
  [`/opt/plain/${"long-name-".repeat(20)}`, 100],
  ["/srv/data/some/file", 5000],
  ["/srv/exchange/Some File.txt", 700],
] as const;

const profileOf = ({ name, disk, system, more = "", output = "formats: [raw]" }: Probe): string => `
image: { name: ${name}, system: ${system ?? "busybox"} }
packages:
  include: [busybox-static, libc6, { name: quickjs, files: [/usr/bin/qjs] }]
  exclude: [kmod, linux-base, initramfs-tools, debconf]
  prune: [/usr/share/**, /usr/lib/*/gconv/**]
kernel: { cmdline: [console=ttyS0], initrdModules: [virtio_blk, ext4], modules: [vfat] }
services: { ssh: { enabled: false }, http: { enabled: false } }
files:
  - { source: host, target: /opt/host }
${files.map(([target, length]) => `  - { target: "${target}", content: "${"0123456789".repeat(500).slice(0, length)}" }`).join("\n")}
${/fileSystem: fat(,|$)/.test(disk) ? "" : "archives: [{ source: odd.tar }]"}
disk: { ${disk} }
output: { ${output} }
${more}
`;

/**
 * Writes the profile and what it needs into a directory, and loads it.
 *
 * @param later the files of the host come into being in another order, at another time
 */
export async function openProbe(
  directory: string,
  probe: Probe,
  context: Context,
  { later = false } = {},
): Promise<LoadedProfile> {
  mkdirSync(join(directory, "host/deeper"), { recursive: true });
  const names = ["a", "B", "deeper/ç", "z"];
  for (const name of later ? names.toReversed() : names) {
    const path = join(directory, "host", name);
    writeFileSync(path, `this is ${name}\n`);
    utimesSync(path, 1_500_000_000, later ? 1_600_000_000 : 1_500_000_000);
  }
  const isDisc = probe.disk.includes("fileSystem: iso9660");
  writeFileSync(join(directory, "odd.tar"), makeTar([...oddFiles, ...(isDisc ? [] : attributedFiles)]));
  const path = join(directory, `${probe.name}.yaml`);
  writeFileSync(path, profileOf(probe));
  return await openProfile(path, context);
}

export function contextFor(jobs = 2, environment: NodeJS.ProcessEnv = process.env): Context {
  return createContext(() => {}, new AbortController().signal, jobs, environment);
}

/** Builds it as the verb does, and plans it once more: what should be in the files. */
export async function buildProbe(directory: string, probe: Probe, context = contextFor()): Promise<BuiltProbe> {
  const loaded = await openProbe(directory, probe, context);
  const built = await buildProfile(loaded, { output: directory }, context);
  const planned = await planProfile(loaded, {}, context);
  const raw = built.files.find(({ format }) => format === "raw");
  if (raw === undefined) throw new Error("a probe is judged by its raw image");
  return { loaded, built, planned, path: raw.path };
}
