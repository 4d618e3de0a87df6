import { createHash } from "node:crypto";
import type { Tags } from "../cloud.ts";

type TagSet = Readonly<Record<string, string>>;

/** As requests have them. */
export function toTags(tags: Tags | TagSet): { key: string; value: string }[] {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}

/** As answers have them. */
export function fromTags(
  tags: { tag?: readonly { tagKey?: string | undefined; tagValue?: string | undefined }[] | undefined } | undefined,
): TagSet {
  return Object.fromEntries((tags?.tag ?? []).map(({ tagKey = "", tagValue = "" }) => [tagKey, tagValue]));
}

/** `ClientToken`: at most 64 ASCII characters. The same parts give the same token. */
export function clientToken(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

const GiB = 1024 ** 3;

export function gibibytes(bytes: number): number {
  return Math.ceil(bytes / GiB);
}

/** `2026-11-21T02:47:00Z`. Times are taken by the minute; anything else is rounded down, which would be too early. */
export function wholeMinute(ms: number): string {
  return new Date(Math.ceil(ms / 60_000) * 60_000).toISOString().replace(/\.\d+Z$/, "Z");
}

/** `2026-11-21 10:47:52`, which is UTC+8 without saying so, as milliseconds since 1970. */
export function fromChinaTime(text: string): number | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)$/.exec(text);
  const ms = Date.parse(parts === null ? text : `${parts[1]}T${parts[2]}+08:00`);
  return Number.isNaN(ms) ? undefined : ms;
}
