import { z } from "zod";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in lower-case hexadecimal");
const archive = z.enum(["debian", "debian-security"]);
const words = z.array(z.string());

const lockedArchive = z.strictObject({
  archive,
  suite: z.string(),
  /** When the archive made its Release file. */
  date: z.iso.datetime(),
  /** Fingerprints of the keys that signed it. */
  keys: z.array(z.string().regex(/^[0-9A-F]{40,64}$/, "must be a key's fingerprint")).min(1),
});

const lockedPackage = z.strictObject({
  name: z.string().min(1),
  version: z.string().min(1),
  architecture: z.string().min(1),
  /** `local`: a file of the profile's. */
  archive: z.enum(["debian", "debian-security", "local"]),
  /** Relative to the archive's base URL, whichever mirror that is; of a local file its name. */
  path: z.string().regex(/^(pool\/(?!.*\.\.)[\x21-\x7e]+|[^/\\]+)$/, "must be a path below pool/, or a file's name"),
  sha256,
  sizeBytes: z.int().positive(),
  /** What the image gets, or what only the build reads. */
  purpose: z.enum(["image", "tool"]),
  /** Only these paths of it. */
  files: words.optional(),
  /** Whether the profile (or the build, for a tool) names it. */
  requested: z.boolean(),
  /** Packages of this lock that depend on it. */
  requiredBy: words,
});

export const lockSchema = z.strictObject({
  formatVersion: z.literal(1, "must be 1: this lock is of another version of cloudimg"),
  inputsDigest: sha256,
  inputs: z.strictObject({
    arch: z.string(),
    suite: z.string(),
    components: words,
    updates: z.boolean(),
    security: z.boolean(),
    include: words,
    local: words.optional(),
    exclude: words,
    tools: words,
  }),
  /** The newest date of the archives, in seconds since 1970: the build's clock. */
  epochSeconds: z.int().positive(),
  archives: z.array(lockedArchive).min(1),
  packages: z.array(lockedPackage),
});

/** Exactly which packages, from which archives, and why. Holds nothing that differs between mirrors. */
export type Lock = z.output<typeof lockSchema>;
export type LockedPackage = Lock["packages"][number];
