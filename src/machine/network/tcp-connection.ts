import { byteQueue } from "./byte-queue.ts";
import type { Clock } from "./clock.ts";
import { noBytes, type TcpSegment } from "./tcp-segment.ts";

/** What a connection tells its owner. */
export interface TcpEvents {
  onOpen?(): void;
  /** The owner says by `consumed` when it is done with them. */
  onData(bytes: Buffer): void;
  /** The peer sends no more. */
  onEnd(): void;
  /** What was written has gone far enough for more. */
  onDrain(): void;
  /** It is over: both sides have said all (`end`), one of them has reset it, or the peer never answers. */
  onClosed(why: "end" | "reset" | "timeout"): void;
}

/** One end of a TCP connection (RFC 9293). It is told of segments, and tells which to send. */
export interface TcpConnection {
  /** The peer's first segment has been taken: answers that the connection is open. Only where the peer began it. */
  accept(): void;
  receive(segment: TcpSegment): void;
  /** False: enough for now; `onDrain` follows. */
  write(bytes: Buffer): boolean;
  /** Nothing more will be written. */
  end(): void;
  /** So many bytes of `onData` are out of the way. */
  consumed(count: number): void;
  /** Ends it at once, and tells the peer so. */
  reset(): void;
  /** Both sides have said all; it is only there to say so again. */
  isOver(): boolean;
}

export interface TcpSettings {
  /** Random, so that an old connection's segments are not taken for this one's. */
  readonly initialSequence: number;
  /** What one segment can hold on this link. */
  readonly segmentBytes: number;
  /** What may wait unread at our side. Default: 512 KiB. */
  readonly receiveBytes?: number;
  /** From here on `write` says that it is enough. Default: 512 KiB. */
  readonly sendBytes?: number;
  readonly clock: Clock;
  send(segment: TcpSegment): void;
}

/** The first wait for an acknowledgement; it doubles up to the longest. The link loses nothing, but its guest may be slow, or paused. */
const firstTimeoutMs = 500;
const longestTimeoutMs = 8_000;
const mostAttempts = 10;
/** A guest that boots is there from one moment to the next: its first answer is not waited for for long, but often. */
const openingTimeoutMs = 1_000;
const mostOpeningAttempts = 40;
/** How long one that is over answers a FIN that is repeated, since the answer was lost (RFC 9293, 3.6.1: TIME-WAIT). */
const lingerMs = 30_000;
const ourScale = 4;
/** Without the option (RFC 9293, 3.7.1). */
const defaultSegmentBytes = 536;

/** How far `a` is ahead of `b`: sequence numbers wrap at 2^32. */
function ahead(a: number, b: number): number {
  return (a - b) | 0;
}

function plus(sequence: number, count: number): number {
  return (sequence + count) >>> 0;
}

/** @param first the peer's SYN, if it began; otherwise we do, at once */
export function tcpConnection(settings: TcpSettings, events: TcpEvents, first?: TcpSegment): TcpConnection {
  const { clock, receiveBytes = 512 * 1024, sendBytes = 512 * 1024 } = settings;
  const queue = byteQueue();
  let state: "asking" | "asked" | "open" | "closed" = first === undefined ? "asking" : "asked";
  let accepted = first === undefined;
  // What we send: acknowledged up to `unacknowledged`, sent up to `next`, and once had been up to `furthest`.
  let unacknowledged = settings.initialSequence >>> 0;
  let next = unacknowledged;
  let furthest = unacknowledged;
  let peerWindow = 0;
  let windowSequence = 0;
  let windowAcknowledged = 0;
  let segmentBytes = settings.segmentBytes;
  let peerScale = 0;
  let scale = 0;
  let ended = false;
  let finAcknowledged = false;
  let wasFull = false;
  // What we receive.
  let expected = 0;
  let unread = 0;
  let toldWindow = 0;
  let peerEnded = false;
  let acknowledgeSoon = false;
  // Repetition.
  let timeoutMs = firstTimeoutMs;
  let attempts = 0;
  let duplicates = 0;
  let callOff: (() => void) | undefined;

  /** Of the data queue: sequence numbers before it are the SYN's. */
  const finSequence = () => plus(unacknowledged, queue.lengthBytes());
  const isOver = () => state === "closed" || (peerEnded && finAcknowledged);

  const windowField = () => {
    toldWindow = Math.max(0, receiveBytes - unread);
    return Math.min(0xffff, toldWindow >> scale);
  };
  const send = (segment: Partial<TcpSegment> & { sequence: number }) => {
    acknowledgeSoon = false;
    const acknowledged = state === "asking" ? undefined : expected;
    settings.send({ acknowledged, window: windowField(), payload: noBytes, ...segment });
  };
  const acknowledge = () => send({ sequence: furthest });
  const advance = (count: number) => {
    next = plus(next, count);
    if (ahead(next, furthest) > 0) furthest = next;
  };
  const sendSyn = () => {
    const offer = { syn: true, largestSegmentBytes: settings.segmentBytes };
    const scaled = state === "asking" || scale > 0;
    // The window of a SYN is never scaled (RFC 7323, 2.2).
    const window = Math.min(0xffff, receiveBytes);
    send({ sequence: settings.initialSequence >>> 0, window, ...offer, windowScale: scaled ? ourScale : undefined });
    next = settings.initialSequence >>> 0;
    advance(1);
  };

  const close = (why: "end" | "reset" | "timeout") => {
    if (state === "closed") return;
    state = "closed";
    callOff?.();
    queue.drop(queue.lengthBytes());
    events.onClosed(why);
  };
  const watch = () => {
    callOff?.();
    callOff = undefined;
    if (state === "closed") return;
    const isWaiting = ahead(furthest, unacknowledged) > 0;
    const isBlocked = state === "open" && (queue.lengthBytes() > 0 || (ended && !finAcknowledged));
    if (isWaiting || isBlocked) callOff = clock.after(timeoutMs, late);
  };
  /** Nothing has come for a while: say the oldest again, or ask whether the window is open. */
  const late = () => {
    const isOpen = state === "open";
    if (++attempts > (isOpen ? mostAttempts : mostOpeningAttempts)) {
      send({ sequence: furthest, rst: true });
      return close("timeout");
    }
    timeoutMs = Math.min(isOpen ? longestTimeoutMs : openingTimeoutMs, timeoutMs * 2);
    if (!isOpen) sendSyn();
    else if (ahead(furthest, unacknowledged) === 0) send({ sequence: plus(unacknowledged, -1) });
    else repeat();
    watch();
  };
  const repeat = () => {
    next = unacknowledged;
    sendOne(Math.max(1, peerWindow));
  };
  const sendAgain = () => {
    const payload = queue.peek(0, Math.min(segmentBytes, Math.max(1, peerWindow)));
    if (payload.length > 0) send({ sequence: unacknowledged, payload });
  };
  /** The next segment, within a window that is open so far. False: there is nothing to send, or no room for it. */
  const sendOne = (room: number): boolean => {
    const offset = ahead(next, unacknowledged);
    const left = queue.lengthBytes() - offset;
    if (left < 0 || finAcknowledged) return false;
    const size = Math.min(segmentBytes, left, room);
    // A little window makes little segments: better wait until it is larger (RFC 9293, 3.8.6.2.1).
    if (size <= 0 && left > 0) return false;
    if (size < segmentBytes && size < left && offset > 0) return false;
    const fin = ended && size === left && room > size;
    if (size <= 0 && !fin) return false;
    send({ sequence: next, payload: queue.peek(offset, Math.max(0, size)), fin });
    advance(Math.max(0, size) + (fin ? 1 : 0));
    return true;
  };
  const pump = () => {
    if (state !== "open") return;
    while (ahead(next, finSequence()) <= 0 && sendOne(peerWindow - ahead(next, unacknowledged)));
    watch();
  };

  const takeAcknowledgement = (segment: TcpSegment, acknowledged: number) => {
    const count = ahead(acknowledged, unacknowledged);
    const sameWindow = segment.window << peerScale === peerWindow;
    const newer = ahead(segment.sequence, windowSequence);
    if (newer > 0 || (newer === 0 && ahead(acknowledged, windowAcknowledged) >= 0)) {
      peerWindow = segment.window << peerScale;
      windowSequence = segment.sequence;
      windowAcknowledged = acknowledged;
    }
    if (count > 0) {
      const data = Math.min(count, queue.lengthBytes());
      finAcknowledged ||= count > data;
      queue.drop(data);
      unacknowledged = acknowledged;
      if (ahead(next, unacknowledged) < 0) next = unacknowledged;
      [attempts, duplicates, timeoutMs] = [0, 0, firstTimeoutMs];
      if (wasFull && queue.lengthBytes() < sendBytes / 2) {
        wasFull = false;
        events.onDrain();
      }
    } else if (count === 0) {
      // A peer that answers is alive, however long its window is shut.
      if (peerWindow === 0) attempts = 0;
      const isDuplicate = segment.payload.length === 0 && segment.fin !== true && sameWindow;
      // The third says that a segment is missing (RFC 5681, 3.2).
      if (isDuplicate && ahead(furthest, unacknowledged) > 0 && ++duplicates === 3) sendAgain();
    }
    pump();
  };

  const takeData = ({ sequence, payload, fin }: TcpSegment) => {
    const known = ahead(expected, sequence);
    const says = payload.length > 0 || fin === true;
    if (known < 0) return says ? acknowledge() : undefined;
    const room = receiveBytes - unread;
    const fresh = payload.subarray(known, known + room);
    if (fresh.length > 0) {
      expected = plus(expected, fresh.length);
      unread += fresh.length;
      events.onData(fresh);
    }
    const isWhole = known + fresh.length >= payload.length;
    if (fin === true && isWhole && !peerEnded) {
      expected = plus(expected, 1);
      peerEnded = true;
      events.onEnd();
    }
    if (says && !acknowledgeSoon) {
      acknowledgeSoon = true;
      // One for all that come together.
      clock.soon(() => {
        if (acknowledgeSoon && state !== "closed") acknowledge();
      });
    }
    finish();
  };
  const finish = () => {
    if (state !== "open" || !isOver()) return;
    callOff?.();
    callOff = clock.after(lingerMs, () => close("end"));
  };

  const takeSyn = (segment: TcpSegment) => {
    expected = plus(segment.sequence, 1);
    segmentBytes = Math.min(segmentBytes, segment.largestSegmentBytes ?? defaultSegmentBytes);
    if (segment.windowScale !== undefined) [peerScale, scale] = [segment.windowScale, ourScale];
  };
  const open = (segment: TcpSegment, acknowledged: number) => {
    state = "open";
    unacknowledged = acknowledged;
    next = acknowledged;
    peerWindow = segment.syn === true ? segment.window : segment.window << peerScale;
    [windowSequence, windowAcknowledged] = [segment.sequence, acknowledged];
    [attempts, timeoutMs] = [0, firstTimeoutMs];
    events.onOpen?.();
  };

  if (first === undefined) sendSyn();
  else takeSyn(first);
  watch();

  return {
    isOver,
    accept() {
      if (accepted || state !== "asked") return;
      accepted = true;
      sendSyn();
      watch();
    },
    receive(segment) {
      const { acknowledged, sequence, payload } = segment;
      if (state === "closed" || !accepted) return;
      if (state === "asking") {
        const isOurs = acknowledged === furthest;
        if (segment.rst === true) return isOurs ? close("reset") : undefined;
        if (segment.syn !== true || !isOurs || acknowledged === undefined) return;
        takeSyn(segment);
        open(segment, acknowledged);
        acknowledge();
        return pump();
      }
      const lengthBytes = payload.length + (segment.fin === true ? 1 : 0);
      const from = ahead(sequence, expected);
      if (segment.rst === true) {
        // RFC 5961, 3.2: anywhere else, it may be somebody else's.
        return from === 0 || (from > 0 && from < receiveBytes) ? close("reset") : undefined;
      }
      if (segment.syn === true) return state === "asked" ? sendSyn() : acknowledge();
      const isBefore = lengthBytes === 0 ? from < 0 : from + lengthBytes <= 0;
      if (isBefore || from > receiveBytes) {
        finish();
        return acknowledge();
      }
      if (acknowledged === undefined) return;
      if (ahead(acknowledged, furthest) > 0) return acknowledge();
      if (state === "asked") {
        if (acknowledged !== furthest) return;
        open(segment, acknowledged);
        pump();
      } else takeAcknowledgement(segment, acknowledged);
      takeData(segment);
    },
    write(bytes) {
      if (state === "closed" || ended) return true;
      queue.push(bytes);
      pump();
      wasFull = queue.lengthBytes() >= sendBytes;
      return !wasFull;
    },
    end() {
      if (ended || state === "closed") return;
      ended = true;
      pump();
    },
    consumed(count) {
      unread -= count;
      if (state !== "open" || peerEnded) return;
      // Worth telling once it is much more than the peer knows (RFC 9293, 3.8.6.2.2).
      const gained = receiveBytes - unread - toldWindow;
      if (gained >= receiveBytes / 4 || (toldWindow < segmentBytes && gained >= segmentBytes)) acknowledge();
    },
    reset() {
      if (state === "closed") return;
      if (accepted) send({ sequence: furthest, rst: true });
      else settings.send({ sequence: 0, acknowledged: expected, window: 0, rst: true, payload: noBytes });
      close("reset");
    },
  };
}
