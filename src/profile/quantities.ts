import { z } from "zod";

const unitBytes: Record<string, number> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};
const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** Longer waits are mistakes, and timers end at 2^31 ms. */
const longestMs = 24 * 3_600_000;

/**
 * `64MiB`, `2 GiB`, `1.5GiB` or a plain number of bytes → bytes. The `title` of a schema is what docs/profile.md calls its type; a message that
 * begins with "must" is shown to people as it is (see problems.ts).
 */
export const sizeSchema = z
  .union(
    [
      z.int().min(0),
      z.string().regex(/^\d+(\.\d+)?\s*([KMGT]i?)?B$/, "must be a size with a unit, like 64MiB or 2GiB"),
    ],
    { error: "must be a size with a unit, like 64MiB or 2GiB" },
  )
  .transform((value) => (typeof value === "number" ? value : scale(value, unitBytes)))
  .refine(Number.isSafeInteger, "must be less than 8192TiB")
  .meta({ title: "size" });

/** `500ms`, `30s`, `5m`, `1h` → milliseconds. */
export const durationSchema = z
  .string({ error: "must be a duration with a unit, like 30s or 5m" })
  .regex(/^\d+(\.\d+)?\s*(ms|s|m|h)$/, "must be a duration with a unit, like 30s or 5m")
  .transform((value) => scale(value, unitMs))
  .refine((value) => value <= longestMs, "must be 24h or less")
  .meta({ title: "duration" });

/** `"0644"` → 0o644. A bare YAML number is refused because YAML 1.2 reads 0644 as decimal. */
export const modeSchema = z
  .string({ error: 'must be octal digits in quotes, like "0644"' })
  .regex(/^0?[0-7]{3,4}$/, 'must be octal digits in quotes, like "0644"')
  .transform((value) => Number.parseInt(value, 8))
  .meta({ title: "mode" });

function scale(text: string, units: Record<string, number>): number {
  const match = /^([\d.]+)\s*(\w+)$/.exec(text);
  return Math.round(Number(match?.[1]) * (units[match?.[2] ?? ""] ?? Number.NaN));
}
