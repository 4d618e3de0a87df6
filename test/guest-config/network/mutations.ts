import fc from "fast-check";

/** What documents of others are made of, right and wrong. */
const words: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  7,
  1500,
  4095,
  1e300,
  0.5,
  "",
  " ",
  "yes",
  "off",
  "1",
  "eth0",
  "bond0",
  "br0",
  "default",
  "disabled",
  "192.0.2.7",
  "192.0.2.7/24",
  "192.0.2.1/255.0.255.0",
  "2001:db8::7/64",
  "fe80::1",
  "::",
  "0.0.0.0",
  "255.255.255.0",
  "52:54:00:00:00:01",
  "static",
  "dhcp",
  "dhcp6",
  "manual",
  "vlan",
  "bond",
  "nameserver",
  "route",
  "ipv4",
  "__proto__",
  "toString",
  "\u0000",
  "ü€😀",
  "a b,c",
  [],
  {},
  [[]],
  { toString: 1 },
  ["192.0.2.1", null, {}],
  { a: { b: [] } },
];
const keys = [
  "type",
  "name",
  "id",
  "link",
  "routes",
  "to",
  "via",
  "network",
  "netmask",
  "metric",
  "mtu",
  "addresses",
  "nameservers",
  "match",
  "set-name",
  "macaddress",
  "interfaces",
  "parameters",
  "version",
  "config",
  "__proto__",
  "constructor",
  "toString",
];

/** Changes in a document, each by three numbers, so that fast-check can shrink them. */
export const anyChanges = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 6 });
export type Change = [number, number, number];

/** One of the documents with something replaced, taken away, doubled, or put in. */
export function mutate(document: unknown, changes: readonly Change[]): unknown {
  let result = structuredClone(document);
  for (const change of changes) result = mutateOnce(result, change);
  return result;
}

function mutateOnce(document: unknown, [where, how, what]: Change): unknown {
  const places: [Record<string, unknown> | unknown[], string][] = [];
  const visit = (value: unknown) => {
    if (typeof value !== "object" || value === null) return;
    for (const key of Object.keys(value)) {
      places.push([value as Record<string, unknown>, key]);
      visit((value as Record<string, unknown>)[key]);
    }
  };
  visit(document);
  const word = structuredClone(words[what % words.length]);
  const place = places[where % Math.max(1, places.length)];
  if (place === undefined || where % 97 === 0) return word;
  const [holder, key] = place as [Record<string, unknown>, string];
  const old = structuredClone(holder[key]);
  const put = (name: string, value: unknown) =>
    // A list has no names.
    Array.isArray(holder) && name !== key
      ? holder.push(value)
      : Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
  if (how % 5 === 0) Array.isArray(holder) ? holder.splice(Number(key), 1) : delete holder[key];
  else if (how % 5 === 1) put(key, word);
  else if (how % 5 === 2) put(keys[what % keys.length] as string, old);
  else if (how % 5 === 3 && Array.isArray(holder)) holder.push(old);
  else put(keys[what % keys.length] as string, word);
  return document;
}

/** A text with pieces taken away, doubled, or put in. */
export function mutateText(text: string, changes: readonly Change[]): string {
  let result = text;
  for (const [where, how, what] of changes) {
    const at = where % (result.length + 1);
    const end = Math.min(result.length, at + (what % 40));
    const word = words[what % words.length];
    const piece = typeof word === "string" ? word : "\n=\t\"'\\"[what % 7];
    if (how % 3 === 0) result = result.slice(0, at) + result.slice(end);
    else if (how % 3 === 1) result = result.slice(0, end) + result.slice(at);
    else result = `${result.slice(0, at)}${piece ?? ""}${result.slice(at)}`;
  }
  return result;
}
