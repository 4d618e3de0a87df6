import { basename } from "node:path";
import type { Where } from "../../core/errors.ts";

/** A package to put into the image, whole or in part. */
export interface IncludeEntry {
  readonly name: string;
  /** An exact version, or a relation: `>= 1.2`, `<< 2`. */
  readonly version?: string | undefined;
  /** Only these paths (globs allowed), and none of the dependencies. */
  readonly files?: readonly string[] | undefined;
}

/** A .deb file of this host that a profile names. Its digest, not its place, decides what the lock holds. */
export interface LocalFile {
  /** Absolute. */
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly where?: Where | undefined;
}

/** What a profile asks of the package archives. Everything but the mirrors and `allowExpired` decides what the lock holds. */
export interface PackageRequest {
  /** In Debian's terms: amd64, arm64, riscv64. */
  readonly arch: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Base URL of the mirror by --mirror, CLOUDIMG_MIRROR or the profile, in this order; else the host's apt sources are asked. */
  readonly mirror?: string | undefined;
  /** Base URL of the security archive. Default: beside the mirror, `…/debian-security`. */
  readonly securityMirror?: string | undefined;
  /** Also use SUITE-updates. */
  readonly updates: boolean;
  /** Also use SUITE-security. */
  readonly security: boolean;
  readonly include: readonly IncludeEntry[];
  /** Files of this host that are installed too, instead of the archive's packages of the same names. */
  readonly local?: readonly LocalFile[] | undefined;
  /** Never installed, though something depends on them. */
  readonly exclude: readonly string[];
  /** Packages that only the build reads (boot loaders), without their dependencies. */
  readonly tools: readonly string[];
  /** Accept metadata whose Valid-Until has passed: frozen mirrors have no other. */
  readonly allowExpired: boolean;
}

/** The part of a request that decides what is locked, in one spelling: sorted, without what makes no difference. */
export interface LockInputs {
  readonly arch: string;
  readonly suite: string;
  readonly components: readonly string[];
  readonly updates: boolean;
  readonly security: boolean;
  /** `nginx`, `busybox-static (>= 1.37)`, `e2fsprogs [/usr/sbin/resize2fs]` */
  readonly include: readonly string[];
  /** `app_1.0_amd64.deb SHA-256`; absent if there are none. */
  readonly local?: readonly string[];
  readonly exclude: readonly string[];
  readonly tools: readonly string[];
}

export function lockInputs(request: PackageRequest): LockInputs {
  return {
    arch: request.arch,
    suite: request.suite,
    components: sorted(request.components),
    updates: request.updates,
    security: request.security,
    include: sorted(request.include.map(formatEntry)),
    ...(request.local && request.local.length > 0 && { local: sorted(request.local.map(formatLocal)) }),
    exclude: sorted(request.exclude),
    tools: sorted(request.tools),
  };
}

function formatLocal({ path, sha256 }: LocalFile): string {
  return `${basename(path)} ${sha256}`;
}

function formatEntry({ name, version, files }: IncludeEntry): string {
  return `${name}${version ? ` (${version.trim()})` : ""}${files ? ` [${sorted(files).join(" ")}]` : ""}`;
}

function sorted(words: readonly string[]): string[] {
  return [...new Set(words)].sort();
}
