/** Domain names as DNS has them on the wire (RFC 1035, 3.1), without compression. */
export function encodeName(name: string): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  const pieces = labels.flatMap((label) => {
    const bytes = Buffer.from(label);
    if (bytes.length > 63) throw new RangeError(`${name} has a label of more than 63 bytes`);
    return [Buffer.from([bytes.length]), bytes];
  });
  return Buffer.concat([...pieces, Buffer.from([0])]);
}

export function encodeNames(names: readonly string[]): Buffer {
  return Buffer.concat(names.map(encodeName));
}

/** The name at an offset and where it ends. Undefined if it is cut off or compressed, as no question's name is. */
export function decodeName(bytes: Buffer, start: number): { readonly name: string; readonly end: number } | undefined {
  const labels: string[] = [];
  for (let at = start; ; ) {
    const length = bytes[at];
    if (length === undefined || length > 63 || at + 1 + length > bytes.length) return undefined;
    if (length === 0) return { name: labels.join("."), end: at + 1 };
    labels.push(bytes.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
}
