import { formatBytes } from "../core/format.ts";
import type { BootCode } from "../examine/boot-code.ts";
import type { EfiProgram } from "../examine/efi-programs.ts";
import type { InspectedFileSystem, Inspection } from "../examine/inspect.ts";
import type { DirectorySize } from "../examine/sizes.ts";
import { drawSizes, type SizeFacts } from "../report/bars.ts";
import { showName } from "../report/names.ts";
import { drawSections, drawTable, type Section } from "../report/sections.ts";

export interface DescribeOptions {
  /** Of the terminal; undefined where there is none. */
  readonly width: number | undefined;
  /** Levels of directories whose sizes are shown. */
  readonly depth: number;
}

type Row = readonly [key: string, value: string];

/** An inspection as people read it. */
export function describeInspection(inspection: Inspection, options: DescribeOptions): string {
  const { root } = inspection;
  const sections: Section[] = [
    imageSection(inspection),
    ...(inspection.table === undefined ? [] : [tableSection(inspection)]),
    ...inspection.volumes.flatMap((volume): Section[] => {
      const place = volume.partition === undefined ? "The whole disk" : `Partition ${volume.partition}`;
      if (volume.problem !== undefined)
        return [{ title: `${place}: ${volume.kind}, unreadable`, rows: [["problem", volume.problem.message]] }];
      if (volume.fileSystem === undefined) return [{ title: `${place}: ${volume.kind ?? "nothing that is known"}` }];
      return [fileSystemSection(place, volume.fileSystem)];
    }),
  ];
  const boot = bootRows(inspection);
  if (boot.length > 0) sections.push({ title: "Boot", rows: boot });
  if (root !== undefined) sections.push(systemSection(inspection), ...sizeSections(root, options));
  return drawSections(sections, options.width);
}

function imageSection({
  path,
  format,
  fileBytes,
  details,
  otherFiles,
  sizeBytes,
  dataBytes,
  sha256,
  problems,
}: Inspection): Section {
  return {
    title: "Image",
    rows: [
      ["file", `${path}, ${formatBytes(fileBytes)}`],
      ["format", format],
      ...details,
      ...otherFiles.map((file): Row => ["based on", file]),
      [
        "disk",
        `${formatBytes(sizeBytes)} (${sizeBytes} bytes)${dataBytes < sizeBytes ? `, of which ${formatBytes(dataBytes)} are stored` : ""}`,
      ],
      ["SHA-256", sha256 === undefined ? "not computed: give --hash" : `${sha256} (of the raw disk)`],
      ...problems.map(problemRow),
    ],
  };
}

function tableSection({ table, partitions, gaps }: Inspection): Section {
  const cells = partitions.map(({ number, startBytes, sizeBytes, type, typeName, name, id, bootable }) => [
    String(number),
    String(startBytes),
    formatBytes(sizeBytes),
    typeName ?? type,
    id,
    [...(name === "" ? [] : [showName(name)]), ...(bootable ? ["(bootable)"] : [])].join(" "),
  ]);
  const rows =
    cells.length === 0
      ? ["it has no partitions"]
      : drawTable([["", "start", "size", "type", "id", "name"], ...cells], [1, 2]);
  const notes = [
    ...gaps.map(
      ({ dataStartBytes, dataBytes, what }) =>
        `outside of partitions: ${what}, ${formatBytes(dataBytes)} from byte ${dataStartBytes}`,
    ),
    ...(table?.problems ?? []).map((problem) => `problem: ${problem}`),
  ];
  return { title: `Partition table: ${table?.name.toUpperCase()}, disk id ${table?.id}`, lines: [...rows, ...notes] };
}

function fileSystemSection(place: string, fileSystem: InspectedFileSystem): Section {
  const { type, label, uuid, sizeBytes, freeBytes, features, details, problems, entries } = fileSystem;
  const use =
    freeBytes === undefined ? "" : `: ${formatBytes(sizeBytes - freeBytes)} used, ${formatBytes(freeBytes)} free`;
  return {
    title: `${place}: ${type}`,
    rows: [
      ...(label === "" ? [] : [["label", showName(label)] as const]),
      ...(uuid === "" ? [] : [["UUID", uuid] as const]),
      ["size", `${formatBytes(sizeBytes)}${use}`],
      ["contents", `${entries} files, directories and links`],
      ...details,
      ...(features.length === 0 ? [] : [["features", features.join(" ")] as const]),
      ...problems.map(problemRow),
    ],
  };
}

function bootRows(inspection: Inspection): Row[] {
  const rows: Row[] =
    inspection.bootCode === undefined ? [] : [["BIOS", bootCodeText(inspection.bootCode, "the disk's first sector")]];
  for (const { partition, fileSystem } of inspection.volumes) {
    if (fileSystem === undefined) continue;
    const at = partition === undefined ? "" : `${partition}:`;
    const { bootCode, efiPrograms, bootConfigs, kernels, initrds, modules } = fileSystem;
    if (bootCode !== undefined)
      rows.push(["BIOS", bootCodeText(bootCode, `the first sector of partition ${partition}`)]);
    for (const program of efiPrograms) rows.push(["UEFI", `${at}${showName(program.path)}: ${efiText(program)}`]);
    for (const { path, entries, continues } of bootConfigs) {
      const own =
        entries.length > 0 ? "" : continues === undefined ? ": no entries" : `: goes on to ${showName(continues)}`;
      rows.push(["menu", `${at}${showName(path)}${own}`]);
      for (const { title, kernel, initrd, cmdline } of entries)
        rows.push([
          "menu",
          `  ${[title && `"${title}":`, kernel, cmdline, initrd && `(initrd ${initrd})`]
            .filter(Boolean)
            .map((word) => showName(word as string))
            .join(" ")}`,
        ]);
    }
    for (const { path, version, arch, sizeBytes } of kernels)
      rows.push([
        "kernel",
        `${at}${showName(path)}: ${version ?? "version unknown"}, ${arch}, ${formatBytes(sizeBytes)}`,
      ]);
    for (const { path, compression, sizeBytes } of initrds)
      rows.push(["initrd", `${at}${showName(path)}: ${compression}, ${formatBytes(sizeBytes)}`]);
    for (const { version, count, sizeBytes } of modules)
      rows.push(["modules", `${at}/lib/modules/${showName(version)}: ${count}, ${formatBytes(sizeBytes)}`]);
  }
  return rows.sort(([a], [b]) => bootOrder.indexOf(a) - bootOrder.indexOf(b));
}

/** The way a machine goes. */
const bootOrder = ["BIOS", "UEFI", "menu", "kernel", "initrd", "modules"];

function bootCodeText({ name, core }: BootCode, place: string): string {
  if (core === undefined) return `${name} in ${place}`;
  const rest = core.isThere
    ? `${formatBytes(core.lengthBytes)} at byte ${core.offsetBytes}`
    : `missing at byte ${core.offsetBytes}`;
  return `${name} in ${place}, its core image ${rest}`;
}

function efiText({ name, machine, isSigned, signers, sbat, unified, sizeBytes }: EfiProgram): string {
  const generations = sbat.filter((entry) => !entry.startsWith("sbat,"));
  const unifiedText = unified && [unified.kernelVersion, unified.system, unified.cmdline].filter(Boolean).join(", ");
  return [
    `${name} for ${machine}`,
    formatBytes(sizeBytes),
    ...(unifiedText ? [unifiedText] : []),
    isSigned ? `signed (${signersText(signers)})` : "not signed",
    ...(generations.length > 0 ? [`SBAT ${generations.join(" ")}`] : []),
  ]
    .map(showName)
    .join(", ");
}

/** Those who only say when it was signed are left out. */
function signersText(signers: readonly string[]): string {
  const told = signers.filter((name) => !/time-?stamp/i.test(name));
  const shown = told.slice(0, 3).join(", ") || "no names in its certificates";
  return told.length > 3 ? `${shown} and ${told.length - 3} more` : shown;
}

function systemSection({ root }: Inspection): Section {
  const { partition, system } = root as NonNullable<Inspection["root"]>;
  const { osRelease, hostname, logins, sshHostKeys, machineId } = system;
  const name = osRelease["PRETTY_NAME"] ?? osRelease["NAME"] ?? osRelease["ID"] ?? "unknown: it has no os-release";
  return {
    title: partition === undefined ? "System" : `System in partition ${partition}`,
    rows: [
      ["system", showName(name)],
      ["host name", showName(hostname ?? "none set")],
      ...(logins.length === 0 ? [["accounts", "none has a password or a key"] as const] : []),
      ...logins.map(
        (login): Row => [
          "accounts",
          `${showName(login.name)}: ${[passwordText(login.password), keysText(login.keys)].filter(Boolean).join(", ")}`,
        ],
      ),
      ["machine id", machineId === "set" ? "set: every instance of this image has the same" : machineId],
      ...(sshHostKeys.length > 0
        ? [["problem", `it has ssh host keys, the same for every instance: ${sshHostKeys.join(", ")}`] as const]
        : []),
    ],
  };
}

function passwordText(password: "none" | "set" | "empty"): string {
  return { none: "", set: "a password", empty: "an empty password" }[password];
}

function keysText(keys: number): string {
  return keys === 0 ? "" : keys === 1 ? "an ssh key" : `${keys} ssh keys`;
}

function sizeSections(
  { packages, sizes }: NonNullable<Inspection["root"]>,
  { width, depth }: DescribeOptions,
): Section[] {
  const sections: Section[] = [];
  if (packages?.source === "rpm") sections.push({ title: "Packages: in a database of rpm, which is not read" });
  else if (packages !== undefined) {
    const parts = packages.packages.map(({ name, version, sizeBytes }) => ({
      name: `${name} ${version}`,
      sizeBytes,
      parts: [],
    }));
    const owned = packages.packages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const unowned = { name: "(of no package)", sizeBytes: packages.unowned.sizeBytes, parts: [] };
    const all = [...parts, unowned].sort((a, b) => b.sizeBytes - a.sizeBytes);
    const whole = { name: "", sizeBytes: owned + unowned.sizeBytes, parts: all };
    sections.push({
      title: `Packages: ${parts.length} known to ${packages.source}, ${formatBytes(owned)}`,
      lines: drawSizes(whole, { width, limit: 15 }),
    });
  }
  const title = `Sizes: ${formatBytes(sizes.sizeBytes)} in ${sizes.files} files`;
  sections.push({ title, lines: drawSizes(sizeFacts(sizes, depth), { width, limit: 10 }) });
  return sections;
}

/** Directories, and the files that are as large as they are, down to a depth. */
function sizeFacts({ name, sizeBytes, directories, ownFiles }: DirectorySize, depth: number): SizeFacts {
  if (depth === 0) return { name, sizeBytes, parts: [] };
  const parts = [
    ...directories.map((each) => sizeFacts({ ...each, name: `${each.name}/` }, depth - 1)),
    ...ownFiles.map((file) => ({ ...file, parts: [] })),
  ];
  return { name, sizeBytes, parts: parts.sort((a, b) => b.sizeBytes - a.sizeBytes) };
}

function problemRow(problem: string): Row {
  return ["problem", problem];
}
