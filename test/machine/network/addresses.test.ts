import { isIPv6 } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addressAfter,
  canonicalIp,
  contains,
  formatIp,
  formatMac,
  linkLocalOf,
  netmask,
  parseIp,
  parseMac,
  parsePrefix,
  solicitedNode,
} from "../../../src/machine/network/addresses.ts";
import { checksum, pseudoHeader } from "../../../src/machine/network/checksum.ts";

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["::ffff:192.0.2.1", "::ffff:c000:201"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["fe80::1%eth0", "fe80::1"],
  ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ["10:0:0:0:1:0:0:0", "10::1:0:0:0"],
])("%s is written as %s", (text, canonical) => expect(canonicalIp(text)).toBe(canonical));

test("what is no address is said", () => {
  for (const text of ["", "1.2.3", "1.2.3.256", "g::", "1::2::3", "10.0.0.1/24"])
    expect(() => parseIp(text)).toThrow(RangeError);
  for (const text of ["10.0.0.1/33", "10.0.0.1/x", "::/129"]) expect(() => parsePrefix(text)).toThrow(RangeError);
  expect(() => parseMac("52:54:00")).toThrow(RangeError);
});

test("any sixteen bytes come back from their text, which is the shortest", () => {
  const halves = fc.array(fc.constantFrom(0, 0, 0, 1, 0xabcd), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(halves, (groups) => {
      const bytes = Buffer.concat(groups.map((group) => Buffer.from([group >> 8, group & 255])));
      const text = formatIp(bytes);
      expect(isIPv6(text)).toBe(true);
      expect(parseIp(text)).toEqual(bytes);
      expect(text).toBe(
        new URL(`http://[${groups.map((group) => group.toString(16)).join(":")}]`).hostname.slice(1, -1),
      );
    }),
  );
});

test("networks, neighbours and what follows from a MAC address", () => {
  expect(contains(parsePrefix("10.0.2.1/23"), parseIp("10.0.3.255"))).toBe(true);
  expect(contains(parsePrefix("10.0.2.1/23"), parseIp("10.0.4.0"))).toBe(false);
  expect(contains(parsePrefix("0.0.0.0/0"), parseIp("::"))).toBe(false);
  expect(contains(parsePrefix("2001:db8::/61"), parseIp("2001:db8:0:7::1"))).toBe(true);
  expect([0, 1, 24, 32].map((length) => formatIp(netmask(length)))).toEqual([
    "0.0.0.0",
    "128.0.0.0",
    "255.255.255.0",
    "255.255.255.255",
  ]);
  expect(formatIp(addressAfter(parseIp("10.0.0.255"), 2))).toBe("10.0.1.1");
  expect(linkLocalOf("52:54:00:12:34:56")).toBe("fe80::5054:ff:fe12:3456");
  expect(formatIp(solicitedNode(parseIp("2001:db8::aa:bb01")))).toBe("ff02::1:ffaa:bb01");
  expect(formatMac(parseMac("52:54:00:Ab:cd:01"))).toBe("52:54:00:ab:cd:01");
});

test("the checksum of RFC 1071, section 3, and pseudo headers", () => {
  expect(checksum(Buffer.from("0001f203f4f5f6f7", "hex"))).toBe(~0xddf2 & 0xffff);
  expect(checksum(Buffer.from([1]))).toBe(~0x100 & 0xffff);
  expect(pseudoHeader(parseIp("1.2.3.4"), parseIp("5.6.7.8"), 6, 20).toString("hex")).toBe("010203040506070800060014");
  expect(pseudoHeader(parseIp("::1"), parseIp("::2"), 58, 8).subarray(32).toString("hex")).toBe("000000080000003a");
});
