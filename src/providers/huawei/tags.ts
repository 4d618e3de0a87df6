/**
 * Huawei Cloud's tags are narrower than ours: keys of up to 36 characters out of letters, digits, `-` and `_`, values of up to 43 that may also
 * have `.` (ECS API reference, "Tag management"; IMS takes a little more). So `cloudimg:run` is `cloudimg_run` there, and a digest loses its end.
 */
export interface WireTag {
  readonly key: string;
  readonly value: string;
}

const mostKeyLength = 36;
const mostValueLength = 43;

export function wireTags(tags: Readonly<Record<string, string>>): WireTag[] {
  return Object.entries(tags).map(([key, value]) => ({ key: wireKey(key), value: wireValue(value) }));
}

export function wireKey(key: string): string {
  return key.replace(/[^\w\u4e00-\u9fff-]/g, "_").slice(0, mostKeyLength);
}

function wireValue(value: string): string {
  return value.replace(/[^\w\u4e00-\u9fff.-]/g, "_").slice(0, mostValueLength);
}

/**
 * Ours again, of lists whose entries read `key=value` or, older ones, `key.value`. Those that were `wanted` are given as they were wanted, not as they
 * came back.
 */
export function plainTags(
  entries: readonly string[],
  wanted: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const entry of entries) {
    const [, key = entry, value = ""] = /^([^=]*)=(.*)$/.exec(entry) ?? /^([^.]*)\.(.*)$/.exec(entry) ?? [];
    tags[key.replace(/^cloudimg_/, "cloudimg:")] = value;
  }
  for (const [key, value] of Object.entries(wanted)) if (tags[key] === wireValue(value)) tags[key] = value;
  return tags;
}

/** `tags` are plain ones as they came back. */
export function haveTags(tags: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => tags[key] === value || tags[key] === wireValue(value));
}
