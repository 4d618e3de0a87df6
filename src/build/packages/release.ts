import { fail } from "../../core/errors.ts";

/** A file that a Release file vouches for. */
export interface ReleaseFile {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The parts of a Release file that we use. */
export interface Release {
  readonly suite: string;
  readonly codename: string;
  readonly dateMs: number;
  readonly validUntilMs: number | undefined;
  readonly byHash: boolean;
  readonly components: readonly string[];
  readonly architectures: readonly string[];
  /** By path, relative to the Release file. */
  readonly files: ReadonlyMap<string, ReleaseFile>;
}

/** Parses the (verified) text of a Release file. `name` says which, for messages. */
export function parseRelease(text: string, name: string): Release {
  const fields = new Map<string, string>();
  const files = new Map<string, ReleaseFile>();
  let key = "";
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith(" ")) {
      if (key !== "sha256") continue;
      const [sha256 = "", size, path] = line.trim().split(/\s+/);
      if (path !== undefined && /^[0-9a-f]{64}$/.test(sha256)) files.set(path, { sha256, sizeBytes: Number(size) });
      continue;
    }
    const colon = line.indexOf(":");
    key = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (key !== "") fields.set(key, line.slice(colon + 1).trim());
  }
  const dateMs = Date.parse(fields.get("date") ?? "");
  if (Number.isNaN(dateMs) || files.size === 0)
    fail("packages/bad-release", `cannot use ${name}: it has no Date or no SHA256 sums`, {
      hint: "the mirror does not serve a Debian archive here, or serves a damaged one: choose another mirror",
    });
  const validUntil = fields.get("valid-until");
  return {
    suite: fields.get("suite") ?? "",
    codename: fields.get("codename") ?? "",
    dateMs,
    validUntilMs: validUntil === undefined ? undefined : Date.parse(validUntil),
    byHash: fields.get("acquire-by-hash")?.toLowerCase() === "yes",
    components: words(fields.get("components")),
    architectures: words(fields.get("architectures")),
    files,
  };
}

/** Refuses what is older than it says it may be, and what is for another suite. */
export function checkRelease(
  release: Release,
  suite: string,
  name: string,
  allowExpired: boolean,
  nowMs = Date.now(),
): void {
  if (release.suite !== suite && release.codename !== suite)
    fail(
      "packages/wrong-suite",
      `cannot use ${name}: it is for the suite ${release.codename || release.suite}, not ${suite}`,
      {
        hint: "the mirror mixes up its suites: choose another mirror",
      },
    );
  const { validUntilMs } = release;
  if (allowExpired || validUntilMs === undefined || !(validUntilMs < nowMs)) return;
  fail(
    "packages/stale",
    `cannot use ${name}: it was valid until ${new Date(validUntilMs).toISOString().slice(0, 10)}`,
    {
      hint: "check this host's clock; choose a mirror that is kept up to date; or accept a frozen mirror with --allow-expired",
    },
  );
}

function words(text = ""): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
