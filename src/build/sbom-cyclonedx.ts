import type { SbomInputs, SbomPackage } from "./sbom-inputs.ts";

/** CycloneDX 1.6 in JSON (ECMA-424). */
export function cyclonedxDocument({ request, created, uuid, packages }: SbomInputs): unknown {
  const { image, cloudimgVersion } = request;
  const imageRef = `image:${image.name}@${image.version}`;
  const refs = new Map(packages.map(({ locked, purl }) => [locked.name, purl]));
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuid}`,
    version: 1,
    metadata: {
      timestamp: created,
      tools: { components: [{ type: "application", name: "cloudimg", version: cloudimgVersion }] },
      component: { type: "operating-system", "bom-ref": imageRef, name: image.name, version: image.version },
    },
    components: packages.map(component),
    dependencies: [
      { ref: imageRef, dependsOn: packages.map(({ purl }) => purl) },
      ...packages.map(({ purl, dependsOn }) => ({ ref: purl, dependsOn: dependsOn.map((name) => refs.get(name)) })),
    ],
  };
}

function component({ locked, purl, supplier, licenses, comment }: SbomPackage): unknown {
  return {
    type: "library",
    "bom-ref": purl,
    ...(supplier !== undefined && { supplier: { name: supplier } }),
    name: locked.name,
    version: locked.version,
    ...(comment !== undefined && { description: comment }),
    hashes: [{ alg: "SHA-256", content: locked.sha256 }],
    ...(licenses !== undefined && { licenses: [{ expression: licenses.expression }] }),
    purl,
  };
}
