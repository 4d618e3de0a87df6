import { isIP } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  contains,
  formatIp,
  formatNetmask,
  formatPrefix,
  networkOf,
  parseIp,
  parsePrefix,
  parsePrefixLength,
} from "../../src/guest-config/ip.ts";

test("what Node takes for an address is one, and the text form of IPv6 is that of URLs (RFC 5952)", () => {
  const candidate = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.stringMatching(/^[0-9a-f:.]{0,20}$/),
    fc.constantFrom(
      "::",
      "::1",
      "1::",
      "1:2:3:4:5:6:7::",
      "::ffff:192.0.2.1",
      "1:2:3:4:5:6:7:8:9",
      ":::",
      "1::2::3",
      "256.1.1.1",
      "1.2.3",
      "1.2.3.4.5",
      "",
    ),
  );
  fc.assert(
    fc.property(candidate, (text) => {
      // Node takes leading zeros in IPv4 for an error, we take them as decimal: clouds write neither.
      if (/(^|\.)0\d/.test(text)) return;
      const parsed = parseIp(text);
      expect(parsed?.family ?? 0).toBe(isIP(text));
      if (parsed?.family === 6) expect(`[${formatIp(parsed)}]`).toBe(new URL(`http://[${text}]/`).hostname);
    }),
    { numRuns: 2000 },
  );
});

test("a netmask and its length are the same", () => {
  for (const family of [4, 6] as const)
    for (let length = 0; length <= (family === 4 ? 32 : 128); length++)
      expect(parsePrefixLength(formatNetmask(length, family), family)).toBe(length);
});

test.each(["255.234.255.0", "ff:ff:ff:ff::", "33", "-1", "", "255.255.255.0/24"])("%j is no mask of IPv4", (mask) => {
  expect(parsePrefixLength(mask, 4)).toBeUndefined();
});

test("networks lose their host bits and contain their hosts", () => {
  const prefix = parsePrefix("192.0.2.130/25");
  if (prefix === undefined) throw new Error("not parsed");
  expect(formatPrefix(networkOf(prefix))).toBe("192.0.2.128/25");
  const within = (text: string) => {
    const address = parseIp(text);
    return address !== undefined && contains(prefix, address);
  };
  expect(["192.0.2.128", "192.0.2.255", "192.0.2.127", "2001:db8::1"].map(within)).toEqual([true, true, false, false]);
});
