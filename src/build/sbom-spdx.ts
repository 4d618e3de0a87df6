import { basename } from "node:path/posix";
import type { SbomInputs, SbomPackage } from "./sbom-inputs.ts";

const none = "NOASSERTION";
const imageId = "SPDXRef-Image";

/** SPDX 2.3 in JSON (spdx-spec 2.3, clauses 6 to 11). */
export function spdxDocument({ request, created, uuid, packages }: SbomInputs): unknown {
  const { image, cloudimgVersion } = request;
  const references = new Map(packages.flatMap(({ licenses }) => [...(licenses?.references ?? [])]));
  const name = `${image.name}-${image.version}`;
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name,
    documentNamespace: `https://spdx.org/spdxdocs/${encodeURIComponent(name)}-${uuid}`,
    creationInfo: { created, creators: [`Tool: cloudimg-${cloudimgVersion}`] },
    packages: [
      {
        SPDXID: imageId,
        name: image.name,
        versionInfo: image.version,
        primaryPackagePurpose: "OPERATING-SYSTEM",
        downloadLocation: none,
        filesAnalyzed: false,
        licenseConcluded: none,
        licenseDeclared: none,
        copyrightText: none,
        supplier: none,
      },
      ...packages.map(spdxPackage),
    ],
    ...(references.size > 0 && { hasExtractedLicensingInfos: [...references].sort().map(extracted) }),
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: imageId },
      ...packages.map(({ locked }) => ({
        spdxElementId: imageId,
        relationshipType: "CONTAINS",
        relatedSpdxElement: idOf(locked.name),
      })),
      ...packages.flatMap(({ locked, dependsOn }) =>
        dependsOn.map((other) => ({
          spdxElementId: idOf(locked.name),
          relationshipType: "DEPENDS_ON",
          relatedSpdxElement: idOf(other),
        })),
      ),
    ],
  };
}

function spdxPackage({ locked, purl, supplier, licenses, comment }: SbomPackage): unknown {
  return {
    SPDXID: idOf(locked.name),
    name: locked.name,
    versionInfo: locked.version,
    packageFileName: basename(locked.path),
    // Which mirror it came from is nobody's business: the digest says what it is.
    downloadLocation: none,
    filesAnalyzed: false,
    checksums: [{ algorithm: "SHA256", checksumValue: locked.sha256 }],
    supplier: supplier === undefined ? none : `Organization: ${supplier}`,
    licenseConcluded: none,
    licenseDeclared: licenses?.expression ?? none,
    copyrightText: none,
    ...(comment !== undefined && { comment }),
    externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl }],
  };
}

function extracted([licenseId, name]: readonly [string, string]): unknown {
  return {
    licenseId,
    name,
    extractedText: `Debian calls this license "${name}". Its text is in the packages' /usr/share/doc/PACKAGE/copyright.`,
  };
}

/** Letters, digits, dots and dashes (clause 7.2). Debian's names have a plus besides. */
function idOf(packageName: string): string {
  return `SPDXRef-Package-${packageName.replaceAll("+", ".plus.")}`;
}
