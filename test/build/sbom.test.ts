import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import type { Lock } from "../../src/build/packages/lock.ts";
import { addSbom, sbomFiles } from "../../src/build/sbom.ts";
import { declaredLicenses } from "../../src/build/sbom-licenses.ts";
import { readAll } from "../../src/core/byte-source.ts";
import { Tree } from "../../src/core/tree.ts";
import { treeOf } from "./rootfs/trees.ts";

const format = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";
const sha = (digit: string) => digit.repeat(64);
const locked = (name: string, more: object = {}) => ({
  name,
  version: "1:2.0+dfsg-1~deb13",
  architecture: "amd64",
  archive: "debian" as const,
  path: `pool/main/x/${name}_2.0_amd64.deb`,
  sha256: sha("a"),
  sizeBytes: 10,
  purpose: "image" as const,
  requested: true,
  requiredBy: [] as string[],
  ...more,
});
const lock: Lock = {
  formatVersion: 1,
  inputsDigest: sha("0"),
  inputs: {
    ...{ arch: "amd64", suite: "trixie", components: ["main"], updates: true, security: true },
    ...{ include: [], exclude: [], tools: [] },
  },
  epochSeconds: 1_760_000_000,
  archives: [{ archive: "debian", suite: "trixie", date: "2025-10-09T08:53:20.000Z", keys: ["A".repeat(40)] }],
  packages: [
    locked("app", { archive: "local", path: "app.deb", sha256: sha("b") }),
    locked("grub-pc-bin", { purpose: "tool" }),
    locked("libstdc++6", { requiredBy: ["app", "web"] }),
    locked("web", { files: ["/usr/sbin/web"], requiredBy: ["app"] }),
  ],
};
const packages = new Map([
  ["web", treeOf("web", { "/usr/share/doc/web/copyright": `${format}\nFiles: *\nLicense: GPL-2+ or My-own\n text\n` })],
  [
    "libstdc++6",
    treeOf("l", { "/usr/share/doc/libstdc++6": "-> base", "/usr/share/doc/base/copyright": "Free text.\n" }),
  ],
]);
const request = {
  image: { name: "small", version: "7", arch: "amd64" },
  ...{ lock, packages, seed: "seed", cloudimgVersion: "0.1.0" },
};
const files = sbomFiles(request);
// biome-ignore lint/suspicious/noExplicitAny: JSON of others' shape
const json = (at: number): any => JSON.parse(Buffer.from(files[at]?.bytes ?? []).toString());

test("two files, the same every time, named after the image; in the image too", () => {
  expect(files.map(({ fileName }) => fileName)).toEqual(["small.spdx.json", "small.cdx.json"]);
  expect(sbomFiles(request)).toEqual(files);
  const tree = new Tree();
  addSbom(tree, files, 5);
  const node = tree.get("/var/lib/db/sbom/small.cdx.json");
  expect(node?.type === "file" && Buffer.from(readAll(node.content)).equals(files[1]?.bytes as Buffer)).toBe(true);
});

describe("CycloneDX", () => {
  test("the document fits CycloneDX's own schema of version 1.6", () => {
    const require = createRequire(import.meta.url);
    const entry = require.resolve("@cyclonedx/cyclonedx-library");
    const directory = join(dirname(entry).replace(/dist.*$/, ""), "res/schema");
    const schema = (name: string) => JSON.parse(readFileSync(join(directory, name), "utf8"));
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    for (const name of ["spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json"])
      ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}`);
    const validate = ajv.compile(schema("bom-1.6.SNAPSHOT.schema.json"));
    validate(json(1));
    expect(validate.errors).toBeNull();
    validate({ ...json(1), bomFormat: "other" });
    expect(validate.errors).not.toBeNull();
  });

  test("packages with purl, digest and licenses, and who depends on whom", () => {
    const { components, dependencies, metadata } = json(1);
    expect(metadata.timestamp).toBe("2025-10-09T08:53:20Z");
    const cxx = "pkg:deb/debian/libstdc%2B%2B6@1:2.0%2Bdfsg-1~deb13?arch=amd64&distro=trixie";
    const web = "pkg:deb/debian/web@1:2.0%2Bdfsg-1~deb13?arch=amd64&distro=trixie";
    expect(components.map(({ purl }: { purl: string }) => purl)).toEqual([
      "pkg:generic/app@1:2.0%2Bdfsg-1~deb13?arch=amd64",
      "pkg:deb/debian/grub-pc-bin@1:2.0%2Bdfsg-1~deb13?arch=amd64&distro=trixie",
      cxx,
      web,
    ]);
    expect(components[3]).toMatchObject({
      supplier: { name: "Debian" },
      hashes: [{ alg: "SHA-256", content: sha("a") }],
      licenses: [{ expression: "GPL-2.0-or-later OR LicenseRef-debian-My-own" }],
      description: "Only these of its files: /usr/sbin/web",
    });
    expect(components[2].licenses).toBeUndefined();
    expect(dependencies).toContainEqual({ ref: web, dependsOn: [cxx] });
    expect(dependencies).toContainEqual({ ref: components[0].purl, dependsOn: [cxx, web] });
  });
});

describe("SPDX", () => {
  test("has every field that SPDX 2.3 asks for, and every id leads somewhere", () => {
    const document = json(0);
    expect(document).toMatchObject({ spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT" });
    expect(document.documentNamespace).toMatch(/^https:\/\/[^#\s]+$/);
    expect(document.creationInfo.created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    for (const creator of document.creationInfo.creators) expect(creator).toMatch(/^(Tool|Organization|Person): \S/);
    const ids = new Set(["SPDXRef-DOCUMENT"]);
    for (const each of document.packages) {
      expect(each.SPDXID).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/);
      expect(ids.has(each.SPDXID)).toBe(false);
      ids.add(each.SPDXID);
      expect(each.name).not.toBe("");
      expect(each.downloadLocation).toBe("NOASSERTION");
      expect(each.supplier).toMatch(/^(NOASSERTION|Organization: .+)$/);
      for (const key of ["licenseConcluded", "licenseDeclared", "copyrightText"])
        expect(each[key]).toBeTypeOf("string");
      for (const { algorithm, checksumValue } of each.checksums ?? []) {
        expect(algorithm).toBe("SHA256");
        expect(checksumValue).toMatch(/^[0-9a-f]{64}$/);
      }
    }
    expect(document.relationships[0]).toEqual({
      spdxElementId: "SPDXRef-DOCUMENT",
      relationshipType: "DESCRIBES",
      relatedSpdxElement: "SPDXRef-Image",
    });
    for (const { spdxElementId, relatedSpdxElement } of document.relationships) {
      expect(ids).toContain(spdxElementId);
      expect(ids).toContain(relatedSpdxElement);
    }
    const licenses = document.hasExtractedLicensingInfos.map(({ licenseId }: { licenseId: string }) => licenseId);
    const named = JSON.stringify(document.packages).match(/LicenseRef-[A-Za-z0-9.-]+/g);
    expect(new Set(named)).toEqual(new Set(licenses));
  });
});

test.each([
  ["GPL-2", "GPL-2.0-only"],
  ["LGPL-2.1+", "LGPL-2.1-or-later"],
  ["Expat and BSD-3-clause", "MIT AND BSD-3-Clause"],
  ["GPL-2+ or Artistic, and Expat", "(GPL-2.0-or-later OR Artistic-1.0-Perl) AND MIT"],
  ["GPL-3+ with OpenSSL exception", "LicenseRef-debian-GPL-3-with-OpenSSL-exception"],
])("the license %s", (written, expression) => {
  expect(declaredLicenses(`${format}\nFiles: *\nCopyright: me\nLicense: ${written}\n`)?.expression).toBe(expression);
});

test("licenses of all files of a package, each once; texts that stand alone are no files'", () => {
  const text = `${format}\nFiles: *\nLicense: Expat\n\nFiles: a\nLicense: GPL-2 or Zlib\n\nFiles: b\nLicense: Expat\n\nLicense: ISC\n text\n`;
  expect(declaredLicenses(text)?.expression).toBe("(GPL-2.0-only OR Zlib) AND MIT");
  expect(declaredLicenses("This package is free.\nLicense: GPL-2\n")).toBeUndefined();
});
