import { struct, u16, u32 } from "../../core/struct.ts";

/** What programs see in `system.posix_acl_*` (linux/posix_acl_xattr.h) and what ext4 keeps on disk (fs/ext4/acl.h) differ. */
const apiHeader = struct("POSIX ACL attribute header", 4, "little", { version: u32(0) });
const apiEntry = struct("POSIX ACL attribute entry", 8, "little", { tag: u16(0), permissions: u16(2), id: u32(4) });
const apiVersion = 2;

const diskHeader = struct("ext4 ACL header", 4, "little", { version: u32(0) });
const diskEntry = struct("ext4 ACL entry", 8, "little", { tag: u16(0), permissions: u16(2), id: u32(4) });
const diskShortEntry = struct("ext4 ACL short entry", 4, "little", { tag: u16(0), permissions: u16(2) });
const diskVersion = 1;

/** Only these two name somebody; the others are owner, owning group, mask and everybody else. */
const tagUser = 0x02;
const tagGroup = 0x08;
const tags = new Set([0x01, tagUser, 0x04, tagGroup, 0x10, 0x20]);

/** The value of `system.posix_acl_access` or `_default` as ext4 keeps it; undefined if it is not such a list. */
export function aclToDisk(value: Uint8Array): Uint8Array | undefined {
  if (value.length < apiHeader.size || (value.length - apiHeader.size) % apiEntry.size !== 0) return undefined;
  if (apiHeader.decode(value).version !== apiVersion) return undefined;
  const parts = [diskHeader.encode({ version: diskVersion })];
  for (let at = apiHeader.size; at < value.length; at += apiEntry.size) {
    const entry = apiEntry.decode(value, at);
    if (!tags.has(entry.tag)) return undefined;
    const named = entry.tag === tagUser || entry.tag === tagGroup;
    parts.push(named ? diskEntry.encode(entry) : diskShortEntry.encode(entry));
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** The reverse: what ext4 keeps as programs see it. Undefined if it is not such a list. */
export function aclFromDisk(value: Uint8Array): Uint8Array | undefined {
  if (value.length < diskHeader.size || diskHeader.decode(value).version !== diskVersion) return undefined;
  const parts = [apiHeader.encode({ version: apiVersion })];
  for (let at = diskHeader.size; at < value.length; ) {
    if (at + diskShortEntry.size > value.length) return undefined;
    const { tag, permissions } = diskShortEntry.decode(value, at);
    const named = tag === tagUser || tag === tagGroup;
    const size = named ? diskEntry.size : diskShortEntry.size;
    if (!tags.has(tag) || at + size > value.length) return undefined;
    const id = named ? diskEntry.decode(value, at).id : undefinedId;
    parts.push(apiEntry.encode({ tag, permissions, id }));
    at += size;
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** linux/posix_acl.h, ACL_UNDEFINED_ID. */
const undefinedId = 2 ** 32 - 1;
