import { hash } from "node:crypto";
import type { Key } from "openpgp";
import { keepContent, readContent } from "../../core/cache.ts";
import type { Context } from "../../core/context.ts";
import { DownloadError, type DownloadOptions, download } from "../../core/download.ts";
import { CloudimgError, fail } from "../../core/errors.ts";
import type { ArchiveName, Mirrors } from "./mirrors.ts";
import { checkRelease, parseRelease, type Release, type ReleaseFile } from "./release.ts";
import type { PackageRequest } from "./request.ts";
import { verifyInRelease } from "./signature.ts";

/** A suite whose Release file is verified. */
export interface Suite {
  readonly archive: ArchiveName;
  readonly suite: string;
  readonly url: string;
  readonly release: Release;
  /** Fingerprints of the keys that signed it. */
  readonly keys: readonly string[];
}

/** The suites of a request, in the order of their weight. */
export function wantedSuites(
  request: Pick<PackageRequest, "suite" | "updates" | "security">,
): { archive: ArchiveName; suite: string }[] {
  return [
    { archive: "debian", suite: request.suite },
    ...(request.updates ? [{ archive: "debian" as const, suite: `${request.suite}-updates` }] : []),
    ...(request.security ? [{ archive: "debian-security" as const, suite: `${request.suite}-security` }] : []),
  ];
}

/** Fetches and verifies a suite's InRelease from the first mirror that has it. */
export async function openSuite(
  { archive, suite }: { archive: ArchiveName; suite: string },
  mirrors: Mirrors,
  keys: readonly Key[],
  request: Pick<PackageRequest, "suite" | "allowExpired">,
  context: Context,
): Promise<Suite> {
  let missing: unknown;
  for (const url of mirrors[archive]) {
    const name = `${url}/dists/${suite}/InRelease`;
    let bytes: Buffer;
    try {
      bytes = await download(name, { signal: context.signal, onRetry: retryLogger(name, context) });
    } catch (error) {
      if (!(error instanceof DownloadError)) throw error;
      if (error.status !== 404) throw explainDownload(error);
      missing = error;
      continue;
    }
    const verified = await verifyInRelease(bytes, keys, name);
    const release = parseRelease(verified.text, name);
    checkRelease(release, suite, name, request.allowExpired);
    return { archive, suite, url, release, keys: verified.keys };
  }
  const option = suite.endsWith("-security") ? "security" : "updates";
  const hint =
    suite === request.suite
      ? "check packages.suite (bookworm, trixie, sid, …), or choose a mirror that has it"
      : `if the suite has no ${option} (sid has none), set packages.${option}: false${option === "security" ? "; if its mirror is elsewhere, set packages.securityMirror" : ""}`;
  fail("packages/no-suite", `cannot read the suite ${suite}: ${mirrors[archive].join(", ")} has none`, {
    hint,
    cause: missing,
  });
}

/** Fetches one of the suite's index files, by its hash where the archive offers that, so that a mirror may change meanwhile. */
export async function fetchIndex(
  suite: Suite,
  path: string,
  file: ReleaseFile,
  context: Context,
  onBytes: (n: number) => void,
): Promise<Buffer> {
  const cached = await readContent(context, file.sha256);
  if (cached !== undefined) return cached;
  const directory = path.slice(0, path.lastIndexOf("/"));
  const place = suite.release.byHash ? `${directory}/by-hash/SHA256/${file.sha256}` : path;
  const url = `${suite.url}/dists/${suite.suite}/${place}`;
  return await fetchVerified(url, file, "packages/bad-index", context, onBytes);
}

/** Fetches what must have a given SHA-256, and keeps it in the cache. Something else is tried once more: mirrors do change under a reader. */
export async function fetchVerified(
  url: string,
  file: ReleaseFile,
  code: "packages/bad-index" | "packages/bad-package",
  context: Context,
  onBytes: (lengthBytes: number) => void,
): Promise<Buffer> {
  const options: DownloadOptions = {
    signal: context.signal,
    sizeBytes: file.sizeBytes,
    onBytes,
    onRetry: retryLogger(url, context),
  };
  for (let attempt = 1; ; attempt++) {
    let bytes: Buffer;
    try {
      bytes = await download(url, options);
    } catch (error) {
      throw error instanceof DownloadError ? explainDownload(error, code === "packages/bad-package") : error;
    }
    const got = hash("sha256", bytes);
    if (got === file.sha256) {
      await keepContent(context, file.sha256, bytes);
      return bytes;
    }
    onBytes(-bytes.length);
    if (attempt === 2)
      fail(code, `cannot trust ${url}: its SHA-256 is ${got}, the archive signed ${file.sha256}`, {
        hint: "the file was changed on the mirror or on the way: try another mirror",
      });
  }
}

/** A download's failure in the user's terms. `isLocked`: it is a file that a lock names, and archives drop old versions. */
function explainDownload(error: DownloadError, isLocked = false): CloudimgError {
  const { url, kind, status } = error;
  const [code, hint] =
    kind === "status" && status === 404 && isLocked
      ? ([
          "packages/gone",
          "the archive has moved on: resolve anew with cloudimg lock --update, or name a mirror that keeps old versions",
        ] as const)
      : explanations[kind];
  return new CloudimgError({ code, message: `cannot fetch ${url}: ${error.message}`, hint }, { cause: error });
}

const explanations = {
  status: ["packages/refused", "check the mirror's URL, try later, or name another one with --mirror"],
  incomplete: [
    "packages/truncated",
    "the mirror or something on the way cuts files short: try later, or name another mirror with --mirror",
  ],
  network: ["packages/unreachable", "check the network and the mirror's name, or name another one with --mirror"],
} as const;

function retryLogger(url: string, context: Pick<Context, "emit">): (error: unknown, delayMs: number) => void {
  return (error, delayMs) =>
    context.emit({
      type: "log",
      level: "info",
      message: `trying ${url} again in ${delayMs} ms: ${(error as Error).message}`,
    });
}
