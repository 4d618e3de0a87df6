import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatIp, parseIp, parseMac } from "../../../src/machine/network/addresses.ts";
import { type DhcpLease, decodeDhcpRequest } from "../../../src/machine/network/dhcp.ts";
import { dhcpServer } from "../../../src/machine/network/dhcp-server.ts";
import { decodeDhcp6Request } from "../../../src/machine/network/dhcpv6.ts";
import { dhcp6Server } from "../../../src/machine/network/dhcpv6-server.ts";
import type { DhcpOptions, NetworkEvent } from "../../../src/machine/network/options.ts";
import { virtualClock } from "./virtual-clock.ts";

const mac = "52:54:00:00:00:01";
const server = parseIp("10.0.2.1");
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

/** A client's message: its type, further options as hexadecimal, and what it has already. */
function message(type: number, options = "", { client = "0.0.0.0", flags = 0, from = mac } = {}): Buffer {
  const fixed = Buffer.alloc(240);
  fixed.set([1, 1, 6, 0, 0xaa, 0xbb, 0xcc, 0xdd], 0);
  fixed.writeUInt16BE(flags, 10);
  parseIp(client).copy(fixed, 12);
  parseMac(from).copy(fixed, 28);
  fixed.writeUInt32BE(0x63825363, 236);
  return Buffer.concat([fixed, Buffer.from([53, 1, type]), hex(options), Buffer.from([255])]);
}

function optionsOf(reply: Buffer): Record<number, string> {
  const found: Record<number, string> = {};
  for (let at = 240; reply[at] !== 255; ) {
    const code = reply[at] as number;
    const length = reply[at + 1] as number;
    found[code] = (found[code] ?? "") + reply.toString("hex", at + 2, at + 2 + length);
    at += 2 + length;
  }
  return found;
}

function converse(options: DhcpOptions) {
  const clock = virtualClock();
  const events: NetworkEvent[] = [];
  const replies: { yours: string; to: string; options: Record<number, string> }[] = [];
  const receive = dhcpServer(options, server, clock, (event) => events.push(event));
  const ask = (bytes: Buffer) =>
    receive(bytes, (reply, destination) => {
      expect(reply.length).toBeGreaterThanOrEqual(300);
      expect(reply.subarray(0, 8)).toEqual(hex("02010600 aabbccdd"));
      replies.push({ yours: formatIp(reply.subarray(16, 20)), to: formatIp(destination), options: optionsOf(reply) });
    });
  return { clock, events, replies, ask };
}

describe("DHCP", () => {
  const lease: DhcpLease = {
    ...{
      address: "10.0.2.20/24",
      routers: ["10.0.2.1"],
      nameservers: ["10.0.2.3", "10.0.2.4"],
      hostname: "h",
      domain: "d.test",
    },
    ...{ search: ["a.test", "b.test"], mtu: 1400, ntp: ["10.0.2.5"], seconds: 600, options: { 252: hex("77") } },
    routes: [
      { to: "0.0.0.0/0", via: "10.0.2.1" },
      { to: "10.17.0.0/17", via: "10.0.2.9" },
      { to: "169.254.169.254/32", via: "0.0.0.0" },
    ],
  };

  test("offers, confirms, and tells what was asked for", () => {
    const { ask, replies, events } = converse({ lease });
    ask(message(1, "37 0a 01 03 06 0c 0f 1a 2a 77 79 fc"));
    const told = {
      ...{ 53: "02", 54: "0a000201", 51: "00000258", 1: "ffffff00", 3: "0a000201", 6: "0a0002030a000204", 12: "68" },
      ...{ 15: Buffer.from("d.test").toString("hex"), 26: "0578", 42: "0a000205", 252: "77" },
      119: "0161047465737400" + "0162047465737400",
      121: "00" + "0a000201" + "11" + "0a1100" + "0a000209" + "20" + "a9fea9fe" + "00000000",
    };
    expect(replies[0]).toEqual({ yours: "10.0.2.20", to: "10.0.2.20", options: told });
    ask(message(3, "32 04 0a000214 36 04 0a000201 37 01 03"));
    expect(replies[1]).toEqual({
      ...{ yours: "10.0.2.20", to: "10.0.2.20" },
      options: { 53: "05", 54: "0a000201", 51: "00000258", 3: "0a000201" },
    });
    expect(events).toEqual([
      { kind: "dhcp", mac, message: "discover", wantedOptions: [1, 3, 6, 12, 15, 26, 42, 119, 121, 252] },
      { kind: "dhcp", mac, message: "request", wantedOptions: [3] },
      { kind: "lease", mac, address: "10.0.2.20/24" },
    ]);
  });

  test("a card keeps its address, the next gets the next, named ones theirs", () => {
    const named = "52:54:00:00:00:09";
    const { ask, replies } = converse({ lease, leases: { [named]: { address: "10.0.2.77/24" } } });
    for (const from of [mac, "52:54:00:00:00:02", named, mac]) ask(message(1, "", { from }));
    expect(replies.map(({ yours }) => yours)).toEqual(["10.0.2.20", "10.0.2.21", "10.0.2.77", "10.0.2.20"]);
  });

  test("renews to the address, refuses a wrong one to all, broadcasts when it must, informs without an address", () => {
    const { ask, replies } = converse({ lease });
    ask(message(3, "", { client: "10.0.2.20" }));
    ask(message(3, "32 04 0a000263"));
    ask(message(1, "", { flags: 0x8000 }));
    ask(message(8, "37 01 06", { client: "10.0.2.50" }));
    expect(replies.map(({ yours, to, options }) => `${options[53]} ${yours} ${to}`)).toEqual([
      "05 10.0.2.20 10.0.2.20",
      "06 0.0.0.0 255.255.255.255",
      "02 10.0.2.20 255.255.255.255",
      "05 0.0.0.0 10.0.2.50",
    ]);
    expect(replies[3]?.options).toEqual({ 53: "05", 54: "0a000201", 6: "0a0002030a000204" });
  });

  test("leaves to another server what is another's, and to nobody what it has no lease for", () => {
    const { ask, replies } = converse({ leases: {} });
    ask(message(1));
    expect(replies).toEqual([]);
    const other = converse({ lease });
    other.ask(message(3, "32 04 0a000214 36 04 0a000299"));
    other.ask(message(7));
    other.ask(message(4));
    expect(other.replies).toEqual([]);
  });

  test("may be slow, or silent for a while", () => {
    const { ask, replies, clock } = converse({
      lease,
      delayMs: (_, attempt) => (attempt < 3 ? Number.POSITIVE_INFINITY : 700),
    });
    for (let attempt = 1; attempt <= 3; attempt++) ask(message(1));
    clock.run(600);
    expect(replies).toHaveLength(0);
    clock.run(200);
    expect(replies).toHaveLength(1);
  });

  test("a long value goes into several options of one code", () => {
    const search = Array.from({ length: 40 }, (_, index) => `name-${index}.example`);
    const { ask, replies } = converse({ lease: { ...lease, search } });
    ask(message(1, "37 01 77"));
    expect(replies[0]?.options[119]?.length).toBeGreaterThan(510);
    expect(replies[0]?.options[119]).toMatch(/0765786d706c65|076578616d706c6500$/);
  });

  test("what is no request is none, and no bytes make it throw", () => {
    expect(decodeDhcpRequest(Buffer.alloc(240))).toBeUndefined();
    expect(decodeDhcpRequest(message(99))).toBeUndefined();
    expect(decodeDhcpRequest(message(1).subarray(0, 200))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (options) => {
        decodeDhcpRequest(Buffer.concat([message(1).subarray(0, 240), options]));
      }),
      { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 1000) },
    );
  });
});

describe("DHCPv6", () => {
  const client = "0001 000a 0003 0001 5254 0000 0001";
  const association = "0003 000c 00000007 00000000 00000000";
  const all = "0006 0006 0017 0018 0038";
  const ask = (options: Parameters<typeof dhcp6Server>[0], ...messages: string[]) => {
    const replies: string[] = [];
    const events: NetworkEvent[] = [];
    const receive = dhcp6Server(options, parseMac("52:55:00:00:00:01"), virtualClock(), (event) => events.push(event));
    for (const text of messages) receive(hex(text), mac, (reply) => replies.push(reply.toString("hex")));
    return { replies, events };
  };
  const lease = { address: "2001:db8::20", nameservers: ["2001:db8::3"], search: ["a.test"], ntp: ["2001:db8::4"] };
  const given = "0005001820010db8000000000000000000000020" + "00000708" + "00000e10";
  const rest =
    "0017001020010db8000000000000000000000003" +
    "001800080161047465737400" +
    "003800140001001020010db8000000000000000000000004";
  const serverId = "0002000a00030001525500000001";
  const ids = client.replaceAll(" ", "") + serverId;

  test("advertises and gives an address with the rest", () => {
    const { replies, events } = ask(
      { lease },
      `01 010203 ${client} ${association} ${all}`,
      `03 010204 ${client} ${serverId} ${association} ${all}`,
    );
    const set = `000300280000000700000384000005a0${given}`;
    expect(replies).toEqual([`02010203${ids}${set}${rest}`, `07010204${ids}${set}${rest}`]);
    expect(events.at(-1)).toEqual({ kind: "lease6", mac, address: "2001:db8::20" });
    expect(events[0]).toEqual({ kind: "dhcp6", mac, message: "solicit", wantedOptions: [23, 24, 56] });
  });

  test("tells the rest alone, answers at once where that is wanted, and says when it has no address", () => {
    const { address: _, ...stateless } = lease;
    expect(ask({ lease: stateless }, `0b 010203 ${client} 0006 0002 0017`).replies).toEqual([
      `07010203${ids}${rest.slice(0, 40)}`,
    ]);
    expect(ask({ lease: stateless }, `01 010203 ${client} ${association}`).replies).toEqual([
      `02010203${ids}000300120000000700000384000005a0000d00020002`,
    ]);
    expect(ask({ lease }, `01 010203 ${client} ${association} 000e 0000`).replies[0]).toMatch(
      new RegExp(`^07010203${ids}000e0000`),
    );
    expect(ask({ lease }, `08 010203 ${client} ${serverId} ${association}`).replies[0]).toContain("000d00020000");
  });

  test("another server's, a server's own, and nobody's get no answer", () => {
    const others = "0002 0004 00030001";
    const { replies } = ask({ lease }, `03 010203 ${client} ${others} ${association}`, "07 010203", "63 010203", "01");
    expect(replies).toEqual([]);
    expect(ask({}, `01 010203 ${client}`).replies).toEqual([]);
  });

  test("no bytes make it throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(1, 3, 11), (bytes, type) => {
        decodeDhcp6Request(Buffer.concat([Buffer.from([type, 1, 2, 3]), bytes]));
      }),
      { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 1000) },
    );
  });
});
