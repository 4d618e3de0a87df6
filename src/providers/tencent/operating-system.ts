import { fail } from "../../core/errors.ts";

/** What `DescribeImportImageOs` answers. */
export interface SupportedSystems {
  readonly ImportImageOsListSupported?: { readonly Linux?: readonly string[]; readonly Windows?: readonly string[] };
  readonly ImportImageOsVersionSet?: readonly {
    readonly OsName?: string;
    readonly OsVersions?: readonly string[];
    readonly Architecture?: readonly string[];
  }[];
}

export type VendorArchitecture = "x86_64" | "arm_64";

/** Errors: `image/unsupported`: it has no such machines. */
export function vendorArchitecture(architecture: "amd64" | "arm64" | "riscv64"): VendorArchitecture {
  if (architecture === "amd64") return "x86_64";
  if (architecture === "arm64") return "arm_64";
  return fail("image/unsupported", "cannot use the image on Tencent Cloud: it has no riscv64 machines", {
    hint: "build for amd64 or arm64",
  });
}

/** What Tencent calls a system that it does not know. Its own tools leave such images alone, and so does a forced import. */
const unknownSystem = "Other Linux";

/**
 * Which of the pairs that the import takes comes closest to `wanted`: its newest version not above the wanted one, else its oldest; for a distribution that it does
 * not know, `Other Linux`. Errors: `cloud/refused`: the region imports no Linux of this architecture.
 */
export function chooseSystem(
  supported: SupportedSystems,
  architecture: VendorArchitecture,
  wanted: { readonly name: string; readonly version?: string } = { name: unknownSystem },
): { readonly OsType: string; readonly OsVersion: string } {
  const linux = supported.ImportImageOsListSupported?.Linux ?? [];
  const systems = (supported.ImportImageOsVersionSet ?? []).filter(
    ({ OsName = "", Architecture }) => linux.includes(OsName) && (Architecture?.includes(architecture) ?? true),
  );
  const named = (name: string) => systems.find(({ OsName }) => OsName?.toLowerCase() === name.toLowerCase());
  const system = named(wanted.name) ?? named(unknownSystem) ?? systems[0];
  const versions = [...(system?.OsVersions ?? [])].sort(compareVersions);
  const version =
    system?.OsName?.toLowerCase() === wanted.name.toLowerCase() && wanted.version !== undefined
      ? (versions.findLast((version) => compareVersions(version, wanted.version as string) <= 0) ?? versions[0])
      : versions.at(-1);
  if (system?.OsName === undefined || version === undefined)
    fail(
      "cloud/refused",
      `cannot import the image: this region of Tencent Cloud imports no Linux for ${architecture}`,
      {
        hint: "choose another region",
      },
    );
  return { OsType: system.OsName, OsVersion: version };
}

function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
