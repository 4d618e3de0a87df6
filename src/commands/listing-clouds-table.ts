import { formatBytes } from "../core/format.ts";
import type { ListedImage, ListedInstance } from "./listing-clouds.ts";

const imageTitles = ["ID", "STATE", "NAME", "REGION", "SIZE", "AGE", "FAMILY", "RUN"];

export function imageTable(images: readonly ListedImage[], nowMs: number): string {
  const rows = images.map(
    ({ id, state, percent, name, region, diskSizeBytes, createdAt, family, isDeprecated, run }) => [
      id,
      isDeprecated === true
        ? "deprecated"
        : percent !== undefined && state === "pending"
          ? `pending ${percent}%`
          : state,
      name,
      region,
      diskSizeBytes === undefined ? "" : formatBytes(diskSizeBytes),
      ageOf(createdAt, nowMs),
      family ?? "",
      run ?? "",
    ],
  );
  return images.length === 0 ? "no images" : table([imageTitles, ...rows]);
}

const instanceTitles = ["ID", "STATE", "ADDRESS", "REGION", "AGE", "RUN", "NAME"];

export function instanceTable(instances: readonly ListedInstance[], nowMs: number): string {
  const rows = instances.map(({ id, state, publicAddresses, region, createdAt, run, name }) => [
    id,
    state,
    publicAddresses.join(" "),
    region,
    ageOf(createdAt, nowMs),
    run ?? "",
    name ?? "",
  ]);
  return instances.length === 0 ? "no instances" : table([instanceTitles, ...rows]);
}

/** Columns as wide as they must be; one that is empty in all rows is left out. */
function table(rows: readonly (readonly string[])[]): string {
  const [titles = [], ...rest] = rows;
  const used = titles.map((_, column) => column).filter((column) => rest.some((row) => row[column] !== ""));
  const widths = used.map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      used
        .map((column, index) => (row[column] ?? "").padEnd(widths[index] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** `3 d`, `5 h`, `12 min` */
function ageOf(createdAt: string | undefined, nowMs: number): string {
  const minutes = Math.max(0, Math.floor((nowMs - Date.parse(createdAt ?? "")) / 60_000));
  if (Number.isNaN(minutes)) return "";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}
