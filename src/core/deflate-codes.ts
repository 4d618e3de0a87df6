/** Codes of match lengths and distances: RFC 1951 section 3.2.5. Lengths are stored less 3, as in the tables here. */
const lengthCodes = 29;
export const distanceCodes = 30;
export const lengthCodeOf = new Uint8Array(256);
export const lengthBase = new Uint16Array(lengthCodes);
export const lengthExtraBits = new Uint8Array(lengthCodes);
const largestDistance = 32768;
export const distanceCodeOf = new Uint8Array(largestDistance + 1);
export const distanceBase = new Uint16Array(distanceCodes);
export const distanceExtraBits = new Uint8Array(distanceCodes);

for (let code = 0, length = 0; code < lengthCodes - 1; code++) {
  lengthBase[code] = length;
  lengthExtraBits[code] = code < 8 ? 0 : (code >> 2) - 1;
  for (const end = length + (1 << (lengthExtraBits[code] as number)); length < end; length++)
    lengthCodeOf[length] = code;
}
// 258, the longest match, has a code of its own.
lengthCodeOf[255] = lengthCodes - 1;
lengthBase[lengthCodes - 1] = 255;
for (let code = 0, distance = 1; code < distanceCodes; code++) {
  distanceBase[code] = distance;
  distanceExtraBits[code] = code < 4 ? 0 : (code >> 1) - 1;
  for (const end = distance + (1 << (distanceExtraBits[code] as number)); distance < end; distance++)
    distanceCodeOf[distance] = code;
}

export const endOfBlock = 256;
export const firstLengthSymbol = 257;
export const literalSymbols = firstLengthSymbol + lengthCodes;
