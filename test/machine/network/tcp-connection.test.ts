import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type TcpConnection, tcpConnection } from "../../../src/machine/network/tcp-connection.ts";
import { noBytes, type TcpSegment } from "../../../src/machine/network/tcp-segment.ts";
import { virtualClock } from "./virtual-clock.ts";

interface Side {
  readonly connection: TcpConnection;
  readonly received: Buffer[];
  readonly log: string[];
}

interface Link {
  readonly segmentBytes: number;
  readonly receiveBytes: number;
  readonly sendBytes: number;
  /** What becomes of the n-th segment: how late it comes, undefined if never. */
  fate(index: number): number | undefined;
  /** How long the owner leaves data unread. */
  readonly readMs: number;
}

const perfect: Link = { segmentBytes: 1460, receiveBytes: 65_536, sendBytes: 65_536, fate: () => 1, readMs: 0 };

/** Two ends that talk to each other over a link that may be bad. */
function pair(link: Link, wrap = 0xffff_fff0) {
  const clock = virtualClock();
  const sides: Side[] = [];
  let sent = 0;
  const segments: TcpSegment[] = [];
  const make = (index: number, first?: TcpSegment): Side => {
    const log: string[] = [];
    const received: Buffer[] = [];
    let waiting = Buffer.alloc(0);
    const side = {
      log,
      received,
      connection: tcpConnection(
        {
          ...{ initialSequence: wrap + index * 1000, clock },
          ...{ segmentBytes: link.segmentBytes, receiveBytes: link.receiveBytes, sendBytes: link.sendBytes },
          send(segment) {
            segments.push(segment);
            const delay = link.fate(sent++);
            if (delay !== undefined)
              clock.after(delay, () => deliver(1 - index, { ...segment, payload: Buffer.from(segment.payload) }));
          },
        },
        {
          onOpen: () => void log.push("open"),
          onData(bytes) {
            received.push(Buffer.from(bytes));
            if (link.readMs === 0) return side.connection.consumed(bytes.length);
            waiting = Buffer.concat([waiting, bytes]);
            clock.after(link.readMs, () => {
              side.connection.consumed(waiting.length);
              waiting = Buffer.alloc(0);
            });
          },
          onEnd: () => void log.push("end"),
          onDrain: () => void log.push("drain"),
          onClosed: (why) => void log.push(`closed ${why}`),
        },
        first,
      ),
    };
    sides[index] = side;
    return side;
  };
  const deliver = (to: number, segment: TcpSegment) => {
    const side = sides[to];
    if (side !== undefined) return side.connection.receive(segment);
    if (segment.syn !== true) return;
    make(to, segment).connection.accept();
  };
  make(0);
  return { clock, sides, segments, client: () => sides[0] as Side, server: () => sides[1] as Side };
}

function bytes(length: number, seed: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 7 + seed + (index >> 8)) & 255));
}

describe("a connection", () => {
  test("is opened, carries data both ways, and is closed by both", () => {
    const { clock, client, server, segments } = pair(perfect);
    clock.run(100);
    expect([client().log, server().log]).toEqual([["open"], ["open"]]);
    client().connection.write(bytes(5000, 1));
    server().connection.write(bytes(3000, 2));
    clock.run(100);
    expect(Buffer.concat(server().received)).toEqual(bytes(5000, 1));
    expect(Buffer.concat(client().received)).toEqual(bytes(3000, 2));
    client().connection.end();
    clock.run(100);
    expect(server().log).toContain("end");
    server().connection.write(bytes(10, 3));
    server().connection.end();
    clock.run(60_000);
    expect(Buffer.concat(client().received)).toEqual(Buffer.concat([bytes(3000, 2), bytes(10, 3)]));
    expect([client().log.at(-1), server().log.at(-1)]).toEqual(["closed end", "closed end"]);
    expect(clock.pending()).toBe(0);
    expect(segments.length).toBeLessThan(20);
    expect(Math.max(...segments.map(({ payload }) => payload.length))).toBe(1460);
  });

  test("does not send more than the other side has room for, and goes on when it reads", () => {
    const link = { ...perfect, receiveBytes: 4000, readMs: 20_000 };
    const { clock, client, server } = pair(link);
    clock.run(10);
    client().connection.write(bytes(20_000, 1));
    clock.run(15_000);
    const early = Buffer.concat(server().received).length;
    expect(early).toBeLessThanOrEqual(4000);
    expect(early).toBeGreaterThan(3900);
    clock.run(120_000);
    expect(Buffer.concat(server().received)).toEqual(bytes(20_000, 1));
    expect(client().log).toEqual(["open"]);
  });

  test("survives a shut window for as long as the other side answers", () => {
    const { clock, client, server } = pair({ ...perfect, receiveBytes: 1000, readMs: 3_600_000 });
    clock.run(10);
    client().connection.write(bytes(3000, 1));
    clock.run(3_500_000);
    expect(client().log).toEqual(["open"]);
    clock.run(4 * 3_600_000);
    expect(Buffer.concat(server().received)).toEqual(bytes(3000, 1));
  });

  test("says when it has enough, and when it can take more", () => {
    const { clock, client } = pair({ ...perfect, sendBytes: 10_000 });
    clock.run(10);
    expect(client().connection.write(bytes(9_000, 1))).toBe(true);
    expect(client().connection.write(bytes(9_000, 1))).toBe(false);
    clock.run(1000);
    expect(client().log).toEqual(["open", "drain"]);
  });

  test("a reset ends both", () => {
    const { clock, client, server } = pair(perfect);
    clock.run(10);
    server().connection.write(bytes(100, 1));
    client().connection.reset();
    clock.run(10);
    expect([client().log.at(-1), server().log.at(-1)]).toEqual(["closed reset", "closed reset"]);
    expect(clock.pending()).toBe(0);
  });

  test("is given up when nobody answers", () => {
    let connected = false;
    const { clock, client, segments } = pair({ ...perfect, fate: (index) => (connected && index > 2 ? undefined : 1) });
    clock.run(10);
    connected = true;
    client().connection.write(bytes(10, 1));
    clock.run(200_000);
    expect(client().log.at(-1)).toBe("closed timeout");
    expect(segments.at(-1)?.rst).toBe(true);
    const nobody = pair({ ...perfect, fate: () => undefined });
    nobody.clock.run(200_000);
    expect(nobody.client().log).toEqual(["closed timeout"]);
  });

  test("a segment from elsewhere does not end it", () => {
    const { clock, client } = pair(perfect);
    clock.run(10);
    const stray = { sequence: 5, acknowledged: 5, window: 0, payload: noBytes };
    client().connection.receive({ ...stray, rst: true });
    client().connection.receive({ ...stray, syn: true });
    client().connection.receive({ ...stray, payload: bytes(10, 1) });
    clock.run(10);
    expect([client().log, client().received]).toEqual([["open"], []]);
  });
});

test("whatever the link does to segments, all bytes arrive once and in order, and both ends close", () => {
  const writes = fc.array(fc.integer({ min: 1, max: 6000 }), { maxLength: 12 });
  const link = fc.record({
    segmentBytes: fc.integer({ min: 1, max: 1460 }),
    receiveBytes: fc.integer({ min: 200, max: 70_000 }),
    sendBytes: fc.integer({ min: 1, max: 70_000 }),
    readMs: fc.constantFrom(0, 0, 3, 700),
    fates: fc.array(
      fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 1, max: 3 }) },
        fc.integer({ min: 1, max: 900 }),
        fc.constant(undefined),
      ),
      { minLength: 1, maxLength: 60 },
    ),
  });
  fc.assert(
    fc.property(writes, writes, link, fc.nat(0xffff_ffff), (ups, downs, { fates, ...limits }, wrap) => {
      // The faults end, and are few enough for ten attempts: a link that loses for ever carries nothing.
      let lost = 0;
      const fate = (index: number) => {
        const delay = index < fates.length ? fates[index] : 1;
        return delay ?? (++lost > 5 ? 1 : undefined);
      };
      const { clock, client, server, sides } = pair(
        { ...limits, segmentBytes: Math.max(limits.segmentBytes, 40), fate },
        wrap,
      );
      clock.run(60_000);
      const up = Buffer.concat(ups.map((length, index) => bytes(length, index)));
      const down = Buffer.concat(downs.map((length, index) => bytes(length, index + 99)));
      for (const [index, length] of ups.entries()) client().connection.write(bytes(length, index));
      client().connection.end();
      expect(sides).toHaveLength(2);
      for (const [index, length] of downs.entries()) server().connection.write(bytes(length, index + 99));
      clock.run(20_000);
      server().connection.end();
      clock.run(4_000_000);
      expect(Buffer.concat(server().received).equals(up)).toBe(true);
      expect(Buffer.concat(client().received).equals(down)).toBe(true);
      expect([client().log.at(-1), server().log.at(-1)]).toEqual(["closed end", "closed end"]);
      expect(clock.pending()).toBe(0);
    }),
    { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300) },
  );
});
