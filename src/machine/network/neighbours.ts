import type { Clock } from "./clock.ts";

/** Who has which address on the link: ARP's table and neighbour discovery's are the same. */
export interface Neighbours {
  /** What a neighbour said of itself. */
  learn(address: Buffer, mac: Buffer): void;
  /** What its packets let us think, if nothing is known. */
  suppose(address: Buffer, mac: Buffer): void;
  /** Sends a packet to whoever has the address, now or once that is known. */
  send(address: Buffer, packet: Buffer): void;
  has(address: Buffer): boolean;
}

interface Entry {
  mac?: Buffer | undefined;
  confirmedMs: number;
  asked: number;
  waiting: Buffer[];
}

const askAgainMs = 1_000;
const mostAsked = 4;
const mostWaiting = 256;
/** After that it is asked again when it is used: an address may have moved to another card. */
const freshMs = 10_000;

/** @param ask sends the question who has an address @param transmit sends a packet to a card */
export function neighbours(
  clock: Clock,
  ask: (address: Buffer) => void,
  transmit: (mac: Buffer, packet: Buffer) => void,
): Neighbours {
  const entries = new Map<string, Entry>();
  const keyOf = (address: Buffer) => address.toString("latin1");
  const question = (key: string, address: Buffer, entry: Entry) => {
    if (entry.asked >= mostAsked) return void entries.delete(key);
    entry.asked++;
    ask(address);
    clock.after(askAgainMs, () => {
      if (entries.get(key) === entry && entry.asked > 0) question(key, address, entry);
    });
  };
  const learn = (address: Buffer, mac: Buffer) => {
    const key = keyOf(address);
    const entry = entries.get(key);
    const own = Buffer.from(mac);
    entries.set(key, { mac: own, confirmedMs: performance.now(), asked: 0, waiting: [] });
    for (const packet of entry?.waiting ?? []) transmit(own, packet);
  };
  return {
    learn,
    suppose(address, mac) {
      if (entries.get(keyOf(address))?.mac === undefined) learn(address, mac);
    },
    has: (address) => entries.get(keyOf(address))?.mac !== undefined,
    send(address, packet) {
      const key = keyOf(address);
      let entry = entries.get(key);
      if (entry === undefined) {
        entry = { confirmedMs: 0, asked: 0, waiting: [] };
        entries.set(key, entry);
      }
      const isFresh = entry.mac !== undefined && performance.now() - entry.confirmedMs < freshMs;
      if (!isFresh && entry.asked === 0) question(key, Buffer.from(address), entry);
      if (entry.mac !== undefined) return transmit(entry.mac, packet);
      if (entry.waiting.length < mostWaiting) entry.waiting.push(packet);
    },
  };
}
