import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseIp, parseMac } from "../../../src/machine/network/addresses.ts";
import { decodeArp, encodeArp } from "../../../src/machine/network/arp.ts";
import { byteQueue } from "../../../src/machine/network/byte-queue.ts";
import { decodeDnsQuery, encodeDnsAnswer } from "../../../src/machine/network/dns.ts";
import { decodeName, encodeName } from "../../../src/machine/network/dns-names.ts";
import { decodeEthernet, encodeEthernet } from "../../../src/machine/network/ethernet.ts";
import { framed, frameReader } from "../../../src/machine/network/framing.ts";
import { decodeIcmp, encodeIcmp } from "../../../src/machine/network/icmp.ts";
import { decodeIpv4, encodeIpv4 } from "../../../src/machine/network/ipv4.ts";
import { decodeIpv6, encodeIpv6 } from "../../../src/machine/network/ipv6.ts";
import {
  decodeNeighbour,
  encodeNeighbourAdvertisement,
  encodeNeighbourSolicitation,
  encodeRouterAdvertisement,
} from "../../../src/machine/network/nd.ts";
import { decodeTcp, encodeTcp } from "../../../src/machine/network/tcp-segment.ts";
import { decodeUdp, encodeUdp } from "../../../src/machine/network/udp.ts";

const mac = parseMac("52:54:00:00:00:01");
const [a4, b4] = [parseIp("192.0.2.1"), parseIp("192.0.2.2")];
const [a6, b6] = [parseIp("2001:db8::1"), parseIp("2001:db8::2")];
const payload = Buffer.from("some words");
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("what is written is read back", () => {
  test("Ethernet", () => {
    const frame = { destination: parseMac("ff:ff:ff:ff:ff:ff"), source: mac, type: 0x0806, payload };
    expect(encodeEthernet(frame).subarray(0, 14)).toEqual(hex("ffffffffffff 525400000001 0806"));
    expect(decodeEthernet(encodeEthernet(frame))).toEqual(frame);
    expect(decodeEthernet(Buffer.alloc(13))).toBeUndefined();
  });

  test("ARP", () => {
    const packet = {
      operation: "request",
      senderMac: mac,
      senderIp: a4,
      targetMac: Buffer.alloc(6),
      targetIp: b4,
    } as const;
    expect(encodeArp(packet)).toEqual(hex("0001 0800 06 04 0001 525400000001 c0000201 000000000000 c0000202"));
    expect(decodeArp(encodeArp(packet))).toEqual(packet);
    expect(decodeArp(hex("0001 86dd 06 04 0001 525400000001 c0000201 000000000000 c0000202"))).toBeUndefined();
    expect(decodeArp(encodeArp(packet).subarray(0, 27))).toBeUndefined();
  });

  test("IPv4: options are left out, padding too; fragments and damage are refused", () => {
    const packet = { source: a4, destination: b4, protocol: 17, hops: 64, payload };
    const bytes = encodeIpv4(packet);
    // A header whose checksum is known (Wikipedia, "Internet checksum").
    const example = {
      ...packet,
      source: parseIp("192.168.0.1"),
      destination: parseIp("192.168.0.199"),
      payload: Buffer.alloc(95),
    };
    expect(encodeIpv4(example).subarray(0, 20)).toEqual(hex("4500 0073 0000 4000 4011 b861 c0a80001 c0a800c7"));
    expect(decodeIpv4(Buffer.concat([bytes, Buffer.alloc(20)]))).toEqual(packet);
    for (const at of [0, 6, 8, 11, 15]) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 0x21;
      expect(decodeIpv4(damaged)).toBeUndefined();
    }
    expect(decodeIpv4(bytes.subarray(0, 25))).toBeUndefined();
  });

  test("IPv6: extension headers are left out", () => {
    const packet = { source: a6, destination: b6, protocol: 58, hops: 255, payload };
    const bytes = encodeIpv6(packet);
    expect(bytes.subarray(0, 8)).toEqual(hex("60000000 000a 3a ff"));
    expect(decodeIpv6(bytes)).toEqual(packet);
    const hopByHop = Buffer.concat([bytes.subarray(0, 40), hex("3a00 0502 0000 0100"), payload]);
    hopByHop[6] = 0;
    hopByHop.writeUInt16BE(18, 4);
    expect(decodeIpv6(hopByHop)).toEqual(packet);
    hopByHop[41] = 9;
    expect(decodeIpv6(hopByHop)).toBeUndefined();
    expect(decodeIpv6(bytes.subarray(0, 49))).toBeUndefined();
  });

  test.each([
    ["IPv4", a4, b4],
    ["IPv6", a6, b6],
  ])("ICMP, UDP and TCP over %s; damage is refused", (_, source, destination) => {
    const message = { type: 8, code: 0, body: payload };
    expect(decodeIcmp(encodeIcmp(message, source, destination), source, destination)).toEqual(message);
    const datagram = { sourcePort: 68, destinationPort: 67, payload };
    expect(decodeUdp(encodeUdp(datagram, source, destination), source, destination)).toEqual(datagram);
    const ports = { sourcePort: 1, destinationPort: 65_535 };
    const segment = {
      ...{ sequence: 0xffff_ffff, acknowledged: 7, window: 512, syn: true, fin: false, rst: false, payload },
      ...{ largestSegmentBytes: 1460, windowScale: 4 },
    };
    const bytes = encodeTcp(segment, ports, source, destination);
    expect(decodeTcp(bytes, source, destination)).toEqual({ segment, ports });
    for (const encoded of [encodeUdp(datagram, source, destination), bytes, encodeIcmp(message, source, destination)]) {
      const decoders = [decodeUdp, decodeTcp, decodeIcmp];
      const damaged = Buffer.from(encoded);
      damaged[damaged.length - 1] = 0;
      for (const decode of decoders) expect(decode(damaged, source, destination)).toBeUndefined();
    }
  });

  test("a datagram without a checksum is taken", () => {
    expect(decodeUdp(hex("0044 0043 000a 0000 6869 ffff"), a4, b4)?.payload).toEqual(Buffer.from("hi"));
  });

  test("TCP options that are not known, or wrong, are passed over", () => {
    const options = (text: string) => {
      const bytes = Buffer.concat([hex("0001 0002 00000000 00000000 0002 0000 0000 0000"), hex(text)]);
      bytes[12] = (bytes.length / 4) << 4;
      return decodeTcp(sum(bytes), a4, b4)?.segment;
    };
    const sum = (bytes: Buffer) => {
      for (let value = 0; value < 65_536; value++) {
        bytes.writeUInt16BE(value, 16);
        if (decodeTcp(bytes, a4, b4) !== undefined) break;
      }
      return bytes;
    };
    expect(options("0402 080a 0000000000000000 0303ff 01")).toMatchObject({ windowScale: 14 });
    expect(options("020405b4")).toMatchObject({ largestSegmentBytes: 1460 });
    expect(options("02ff05b4")).toMatchObject({ largestSegmentBytes: undefined });
    expect(options("02000303")).toMatchObject({ windowScale: undefined });
  });

  test("neighbour discovery", () => {
    const solicitation = encodeNeighbourSolicitation({ target: a6, mac });
    expect(solicitation.body).toEqual(Buffer.concat([Buffer.alloc(4), a6, hex("0101 525400000001")]));
    expect(decodeNeighbour(solicitation)).toEqual({ target: a6, mac });
    const advertisement = encodeNeighbourAdvertisement({ target: a6, mac }, true);
    expect(advertisement.body[0]).toBe(0xe0);
    expect(decodeNeighbour(advertisement)).toEqual({ target: a6, mac });
    expect(decodeNeighbour({ ...advertisement, body: advertisement.body.subarray(0, 20) })).toEqual({ target: a6 });
    expect(
      decodeNeighbour({ ...advertisement, body: Buffer.concat([advertisement.body.subarray(0, 20), Buffer.alloc(8)]) }),
    ).toBeUndefined();
  });

  test("a router's advertisement, byte by byte", () => {
    const { type, body } = encodeRouterAdvertisement({
      ...{ mac, managed: true, other: false, lifetimeSeconds: 1800, mtuBytes: 1400 },
      prefixes: [
        {
          network: parseIp("2001:db8::"),
          length: 64,
          onLink: true,
          autonomous: false,
          validSeconds: 86_400,
          preferredSeconds: 1,
        },
      ],
      nameservers: [a6],
      search: ["lab.test"],
    });
    expect(type).toBe(134);
    expect(body.toString("hex")).toBe(
      [
        "40800708" + "00000000" + "00000000",
        "0101525400000001",
        "0501000000000578",
        "0304408000015180" + "0000000100000000" + "20010db8000000000000000000000000",
        "1903000000000708" + "20010db8000000000000000000000001",
        "1f030000000007080" + "36c6162047465737400000000000000",
      ].join(""),
    );
  });

  test("names and DNS", () => {
    expect(encodeName("Lab.test.")).toEqual(hex("03 4c6162 04 74657374 00"));
    expect(decodeName(encodeName("lab.test"), 0)).toEqual({ name: "lab.test", end: 10 });
    expect(() => encodeName("x".repeat(64))).toThrow(RangeError);
    const query = Buffer.concat([hex("beef 0100 0001 0000 0000 0000"), encodeName("Lab.test"), hex("0001 0001")]);
    const question = decodeDnsQuery(query);
    expect(question).toMatchObject({ id: 0xbeef, name: "lab.test", type: 1 });
    if (question === undefined) return;
    const answer = encodeDnsAnswer(question, ["2001:db8::1", "192.0.2.1"]);
    expect(answer.subarray(0, 12)).toEqual(hex("beef 8180 0001 0001 0000 0000"));
    expect(answer.subarray(-16)).toEqual(hex("c00c 0001 0001 0000003c 0004 c0000201"));
    expect(encodeDnsAnswer(question, undefined).subarray(2, 8)).toEqual(hex("8183 0001 0000"));
    expect(encodeDnsAnswer(question, ["::1"]).subarray(2, 8)).toEqual(hex("8180 0001 0000"));
    expect(decodeDnsQuery(answer)).toBeUndefined();
  });
});

test("frames come out of a stream however it is cut", () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sent, cuts) => {
      const got: Buffer[] = [];
      const read = frameReader((frame) => got.push(Buffer.from(frame)));
      const stream = Buffer.concat(sent.map((frame) => framed(Buffer.from(frame))));
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = cuts[turn % cuts.length] as number;
        read(stream.subarray(at, at + size));
        at += size;
      }
      expect(got).toEqual(sent.map((frame) => Buffer.from(frame)));
    }),
  );
  expect(() => frameReader(() => {})(Buffer.alloc(4, 0xff))).toThrow(RangeError);
});

test("a queue gives any part of what is in it", () => {
  const steps = fc.array(fc.tuple(fc.nat(40_000), fc.nat(30_000)), { maxLength: 12 });
  fc.assert(
    fc.property(steps, fc.nat(100_000), fc.nat(3000), (turns, offset, length) => {
      const queue = byteQueue();
      let all = Buffer.alloc(0);
      for (const [pushed, dropped] of turns) {
        const bytes = Buffer.from(Array.from({ length: pushed % 5000 }, (_, index) => (index + pushed) & 255));
        queue.push(bytes);
        all = Buffer.concat([all, bytes]);
        const gone = Math.min(dropped, all.length);
        queue.drop(gone);
        all = all.subarray(gone);
        expect(queue.lengthBytes()).toBe(all.length);
        const from = Math.min(offset, all.length);
        expect(queue.peek(from, length).equals(all.subarray(from, from + length))).toBe(true);
      }
    }),
    { numRuns: 100 },
  );
});

test("no bytes make a decoder throw", () => {
  const seeds = [
    encodeIpv4({ source: a4, destination: b4, protocol: 6, hops: 64, payload }),
    encodeIpv6({ source: a6, destination: b6, protocol: 0, hops: 64, payload: hex("3a00 0502 0000 0100") }),
    encodeTcp(
      { sequence: 1, window: 1, syn: true, largestSegmentBytes: 1, windowScale: 1, payload },
      { sourcePort: 1, destinationPort: 2 },
      a4,
      b4,
    ),
    encodeNeighbourSolicitation({ target: a6, mac }).body,
    Buffer.concat([hex("beef 0100 0001 0000 0000 0000"), encodeName("lab.test"), hex("0001 0001")]),
  ];
  const changed = fc
    .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 }), fc.nat(200))
    .map(([seed, edits, length]) => {
      const bytes = Buffer.from(seed.subarray(0, Math.max(1, length)));
      for (const [at, value] of edits) bytes[at % bytes.length] = value;
      return bytes;
    });
  fc.assert(
    fc.property(
      fc.oneof(
        changed,
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      ),
      (bytes) => {
        for (const decode of [decodeEthernet, decodeArp, decodeIpv4, decodeIpv6, decodeDnsQuery]) decode(bytes);
        for (const decode of [decodeIcmp, decodeUdp, decodeTcp]) {
          decode(bytes, a4, b4);
          decode(bytes, a6, b6);
        }
        decodeNeighbour({ type: 135, code: 0, body: bytes });
      },
    ),
    { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 2000) },
  );
});
