/** As CVM, VPC and their siblings write tags. */
export interface VendorTag {
  readonly Key?: string;
  readonly Value?: string;
}

export function toVendorTags(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

export function fromVendorTags(tags: readonly VendorTag[] | null | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));
}

/** Filters that all have to fit: `tag:<key>`. */
export function tagFilters(tags: Readonly<Record<string, string>>): { Name: string; Values: string[] }[] {
  return Object.entries(tags).map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] }));
}

export function hasTags(tags: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => tags[key] === value);
}
