/**
 * The sixteen bytes of a GUID as Microsoft and UEFI store it: the first three fields little-endian, the rest as written (UEFI 2.10, appendix A).
 * Text is lower case with dashes.
 */
export function parseGuid(text: string): Uint8Array {
  return swapFields(Uint8Array.from(Buffer.from(text.replaceAll("-", ""), "hex")));
}

export function formatGuid(bytes: Uint8Array): string {
  const hex = Buffer.from(swapFields(bytes)).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function swapFields(bytes: Uint8Array): Uint8Array {
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return Uint8Array.from(order, (index) => bytes[index] ?? 0);
}
