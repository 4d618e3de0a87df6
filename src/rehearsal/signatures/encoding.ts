// Everything here works on byte strings: each character is one byte of the wire, so that no byte can be changed unnoticed on the way through UTF-8.

/** RFC 3986: all but letters, digits, `-`, `.`, `_` and `~`. */
export function percentEncode(bytes: string): string {
  return bytes.replace(
    /[^A-Za-z0-9\-._~]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** What is no escape stays as it is. */
export function percentDecode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Each segment on its own: `/` stays. Paths that differ only in how they are escaped become one. */
export function canonicalPath(path: string): string {
  return path
    .split("/")
    .map((segment) => percentEncode(percentDecode(segment)))
    .join("/");
}

export type Parameters = readonly (readonly [name: string, value: string])[];

/** A query or a form, decoded, in its order. A name without `=` has an empty value; `+` is a space, as in forms. */
export function parseParameters(text: string): Parameters {
  return text
    .split("&")
    .filter((part) => part !== "")
    .map((part) => {
      const [name, ...value] = part.replaceAll("+", "%20").split("=");
      return [percentDecode(name as string), percentDecode(value.join("="))];
    });
}

/** Encoded again, sorted by name and then by value. */
export function canonicalQuery(parameters: Parameters): string {
  return parameters
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .sort(([nameA, valueA], [nameB, valueB]) => compareText(nameA, nameB) || compareText(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** The value of a parameter that is there once; undefined if it is missing or repeated. */
export function onlyValue(parameters: Parameters, name: string): string | undefined {
  const values = parameters.filter(([other]) => other === name);
  return values.length === 1 ? values[0]?.[1] : undefined;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
