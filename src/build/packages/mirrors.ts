import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import { readAptSources } from "./apt-sources.ts";
import type { PackageRequest } from "./request.ts";

/** The two archives that Debian's suites live in; a lock names them, not the mirror that serves them. */
export type ArchiveName = "debian" | "debian-security";

/** Base URLs to try for each archive, best first, without a slash at their ends. */
export type Mirrors = Readonly<Record<ArchiveName, readonly string[]>>;

type MirrorRequest = Pick<PackageRequest, "mirror" | "securityMirror" | "suite">;

/**
 * Where to fetch from: the request's mirror (--mirror, CLOUDIMG_MIRROR, the profile), CLOUDIMG_MIRROR, else what the host's apt uses. Of several, those
 * that apt uses for the wanted suite come first.
 */
export async function findMirrors(
  request: MirrorRequest,
  context: Pick<Context, "environment">,
  aptDirectory = "/etc/apt",
): Promise<Mirrors> {
  const named = request.mirror || context.environment["CLOUDIMG_MIRROR"];
  const namedSecurity = request.securityMirror || context.environment["CLOUDIMG_SECURITY_MIRROR"];
  const sources = named && namedSecurity ? [] : await readAptSources(aptDirectory);
  const wantedFirst = [...sources].sort((a, b) => rank(b.suites, request.suite) - rank(a.suites, request.suite));
  const urls = wantedFirst.map((source) => source.url);
  const debian = named ? [trim(named)] : unique(urls.filter((url) => /\/debian$/.test(url)));
  if (debian.length === 0)
    fail("packages/no-mirror", "cannot fetch packages: no Debian mirror is known", {
      hint: "name one with --mirror URL, in the environment variable CLOUDIMG_MIRROR, or as packages.mirror in the profile; its URL usually ends in /debian",
    });
  const beside = debian.map((url) => `${url.replace(/\/debian$/, "")}/debian-security`);
  const fromApt = named ? [] : urls.filter((url) => /\/debian-security$/.test(url));
  return { debian, "debian-security": namedSecurity ? [trim(namedSecurity)] : unique([...fromApt, ...beside]) };
}

function rank(suites: readonly string[], wanted: string): number {
  return suites.some((suite) => suite === wanted || suite.startsWith(`${wanted}-`)) ? 1 : 0;
}

/** A base URL that a user named. Errors: `packages/no-mirror`. */
function trim(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    fail("packages/no-mirror", `cannot fetch packages from "${url}": a mirror is a URL with http:// or https://`, {
      hint: "for example: --mirror https://HOST/debian",
    });
  return url.replace(/\/+$/, "");
}

function unique(urls: readonly string[]): string[] {
  return [...new Set(urls)];
}
