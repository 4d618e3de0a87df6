export interface ArMember {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * The members of an ar archive as deb(5) uses it: global header, then 60-byte headers, members padded to even offsets.
 *
 * @throws SyntaxError when it is cut short or none
 */
export function readAr(bytes: Buffer): ArMember[] {
  if (bytes.toString("latin1", 0, 8) !== "!<arch>\n") throw new SyntaxError("it does not start like a .deb file");
  const members: ArMember[] = [];
  for (let at = 8; at < bytes.length; ) {
    const header = bytes.toString("latin1", at, at + 60);
    const size = header.slice(48, 58).trim();
    if (header.length < 60 || header.slice(58) !== "`\n" || !/^\d+$/.test(size))
      throw new SyntaxError(`the header of a member at byte ${at} is damaged or cut short`);
    const name = header.slice(0, 16).trim().replace(/\/$/, "");
    const end = at + 60 + Number(size);
    if (end > bytes.length) throw new SyntaxError(`its member ${name} is cut short`);
    members.push({ name, bytes: bytes.subarray(at + 60, end) });
    at = end + (end % 2);
  }
  return members;
}
