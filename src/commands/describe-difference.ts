import type { Ranges } from "../examine/compare-bytes.ts";
import type { ImageDifference } from "../examine/compare-images.ts";
import type { Change, PathDifference } from "../examine/compare-trees.ts";
import type { VolumeDifference } from "../examine/compare-volumes.ts";
import { timeText } from "../report/listing.ts";
import { showName } from "../report/names.ts";
import { drawSections, type Section } from "../report/sections.ts";

export interface DifferenceOptions {
  /** Tell every path below a directory that is only in one of the images. */
  readonly all: boolean;
}

type Row = readonly [key: string, value: string];

/** A difference as people read it: what was, an arrow, what is. */
export function describeDifference(difference: ImageDifference, options: DifferenceOptions): string {
  const { files, disk, table, partitions, gaps, volumes } = difference;
  const sections: Section[] = [
    section("Image files", files.map(changeRow)),
    section("Disk", disk.map(changeRow)),
    section("Partition table", table.map(changeRow)),
    ...partitions.map(({ number, state, changes }) =>
      section(`Partition ${number}${state === "changed" ? "" : ` (${onlyIn(state)})`}`, changes.map(changeRow)),
    ),
    section("Outside of partitions", rangeRows(gaps)),
    ...volumes.map((volume) => volumeSection(volume, options)),
  ].filter(({ rows = [], lines = [] }) => rows.length > 0 || lines.length > 0);
  const verdict = difference.isEqual
    ? files.some(({ what }) => what === "format")
      ? "The disks are equal; only the formats of the files differ."
      : "The disks are equal."
    : summary(volumes);
  return [drawSections(sections, undefined), verdict].filter((part) => part !== "").join("\n\n");
}

function section(title: string, rows: readonly Row[]): Section {
  return { title, rows };
}

function summary(volumes: readonly VolumeDifference[]): string {
  const paths = volumes.flatMap((volume) => volume.paths);
  const count = (state: PathDifference["state"]) => paths.filter((each) => each.state === state).length;
  return `The disks differ: ${count("added")} paths added, ${count("removed")} removed, ${count("changed")} changed.`;
}

function volumeSection(volume: VolumeDifference, options: DifferenceOptions): Section {
  const { partition, kind, changes, paths, layoutDiffersAtBytes, bytes, problems } = volume;
  const place = partition === undefined ? "Contents of the whole disk" : `Contents of partition ${partition}`;
  const rows: Row[] = [
    ...problems.map((problem): Row => ["problem", problem]),
    ...changes.map(changeRow),
    ...(layoutDiffersAtBytes === undefined
      ? []
      : [
          [
            "layout",
            `the same contents lie elsewhere; the first byte that differs is ${layoutDiffersAtBytes}`,
          ] as const,
        ]),
    ...(bytes === undefined ? [] : rangeRows(bytes)),
  ];
  return {
    title: kind === undefined ? place : `${place}: ${kind}`,
    rows,
    lines: (options.all ? paths : withoutInner(paths)).flatMap(pathLines),
  };
}

/** Leaves out what is below a directory that was added or removed itself. */
function withoutInner(paths: readonly PathDifference[]): (PathDifference & { readonly inner?: number })[] {
  const shown: (PathDifference & { inner?: number })[] = [];
  for (const each of paths) {
    const outer = shown.at(-1);
    const isInner =
      outer?.type === "directory" &&
      outer.state === each.state &&
      each.state !== "changed" &&
      each.path.startsWith(`${outer.path}/`);
    if (isInner) outer.inner = (outer.inner ?? 0) + 1;
    else shown.push({ ...each });
  }
  return shown;
}

const marks = { added: "+", removed: "-", changed: "~" } as const;

function pathLines({
  path,
  state,
  type,
  changes,
  firstDifferenceBytes,
  text,
  problem,
  inner,
}: PathDifference & { readonly inner?: number }): string[] {
  const told = [
    ...(state === "changed"
      ? changes.map(changeText)
      : [type, ...(inner === undefined ? [] : [`with ${inner} below it`])]),
    ...(firstDifferenceBytes === undefined ? [] : [`first at byte ${firstDifferenceBytes}`]),
    ...(problem === undefined ? [] : [`not compared: ${problem}`]),
  ];
  return [
    `${marks[state]} ${showName(path)}  ${told.join(", ")}`,
    ...(text ?? []).map((line) => `    ${showLine(line)}`),
  ];
}

function changeRow(change: Change): Row {
  const { what, a, b } = change;
  if (a === undefined && b === undefined) return ["", what];
  return [what, sides(change)];
}

function changeText(change: Change): string {
  const { what, a, b } = change;
  return a === undefined && b === undefined ? what : `${what} ${sides(change)}`;
}

function sides({ what, a, b }: Change): string {
  const show = (value: string | number) =>
    what === "mtime" ? timeText(Number(value)) : value === "" ? "none" : showName(String(value));
  if (a === undefined) return `+ ${show(b as string)}`;
  if (b === undefined) return `- ${show(a)}`;
  const [shownA, shownB] = [show(a), show(b)];
  // Times that differ in less than a minute.
  return shownA === shownB ? `${a} → ${b}` : `${shownA} → ${shownB}`;
}

function rangeRows({ ranges, isCut }: Ranges): Row[] {
  const rows = ranges.map(
    ({ offsetBytes, lengthBytes }): Row => ["bytes", `${offsetBytes} to ${offsetBytes + lengthBytes - 1}`],
  );
  return isCut ? [...rows, ["", "and more"]] : rows;
}

function onlyIn(state: "added" | "removed"): string {
  return state === "added" ? "only in the second image" : "only in the first image";
}

/** Tabs may stay. */
function showLine(line: string): string {
  return line
    .split("\t")
    .map((part) => showName(part).replaceAll("\\\\", "\\"))
    .join("\t");
}
