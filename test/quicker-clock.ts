import { createRequire, syncBuiltinESMExports } from "node:module";

/**
 * Loaded before the program (`node --import`): its clock goes `CLOUDIMG_TEST_SPEED` times as fast as this host's, from `CLOUDIMG_TEST_ORIGIN` on, and so do the waits of
 * `node:timers/promises`, by which clouds are waited for. Whatever has a timer of its own, as connections do, keeps it.
 */
const speed = Number(process.env["CLOUDIMG_TEST_SPEED"]);
const originMs = Number(process.env["CLOUDIMG_TEST_ORIGIN"]);
const hostNow = Date.now;
const now = () => Math.floor(originMs + (hostNow() - originMs) * speed);

globalThis.Date = class extends Date {
  constructor(...given: unknown[]) {
    super(...((given.length === 0 ? [now()] : given) as [number]));
  }
  static override now = now;
} as DateConstructor;

const timers = createRequire(import.meta.url)("node:timers/promises");
const wait = timers.setTimeout;
timers.setTimeout = (ms: number, ...rest: unknown[]) => wait(ms / speed, ...rest);
syncBuiltinESMExports();
