/** Section "Date and Time Formats": local times, which here are UTC, in steps of two seconds. */
interface FatTime {
  readonly date: number;
  readonly time: number;
  /** What the steps leave out, 0 to 199; only creation times have room for it. */
  readonly hundredths: number;
}

const earliestSeconds = Date.UTC(1980, 0, 1) / 1000;
const latestSeconds = Date.UTC(2107, 11, 31, 23, 59, 59) / 1000;

/** Times before 1980 or after 2107 become the nearest there is. */
export function encodeTime(epochSeconds: number): FatTime {
  const seconds = Math.min(latestSeconds, Math.max(earliestSeconds, Math.floor(epochSeconds)));
  const date = new Date(seconds * 1000);
  return {
    date: ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate(),
    time: (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1),
    hundredths: (date.getUTCSeconds() & 1) * 100,
  };
}

/** Seconds since 1970. Days and hours that no calendar has run over into the next ones; no date at all is the first of 1980. */
export function decodeTime(date: number, time: number): number {
  const day = Math.max(1, date & 0x1f);
  const month = Math.max(1, (date >> 5) & 0x0f);
  return Date.UTC(1980 + (date >> 9), month - 1, day, time >> 11, (time >> 5) & 0x3f, (time & 0x1f) * 2) / 1000;
}
