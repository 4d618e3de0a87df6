/** Debian's short names (copyright-format 1.0, "License specification") that SPDX's list knows by another one. */
const spdxNames: Readonly<Record<string, string>> = {
  expat: "MIT",
  mit: "MIT",
  "bsd-2-clause": "BSD-2-Clause",
  "bsd-3-clause": "BSD-3-Clause",
  "bsd-4-clause": "BSD-4-Clause",
  "bsd-4-clause-uc": "BSD-4-Clause-UC",
  isc: "ISC",
  zlib: "Zlib",
  "apache-2.0": "Apache-2.0",
  artistic: "Artistic-1.0-Perl",
  "artistic-2.0": "Artistic-2.0",
  "mpl-1.1": "MPL-1.1",
  "mpl-2.0": "MPL-2.0",
  "cc0-1.0": "CC0-1.0",
  cc0: "CC0-1.0",
  openssl: "OpenSSL",
  "bsl-1.0": "BSL-1.0",
  "0bsd": "0BSD",
  unlicense: "Unlicense",
  curl: "curl",
  "python-2.0": "Python-2.0",
  x11: "X11",
  "unicode-3.0": "Unicode-3.0",
};

const gnu = /^(gpl|lgpl|agpl|gfdl)-(\d)(?:\.(\d))?(?:\.0)?(\+)?$/;

/** What a machine-readable debian/copyright says of a package's files. */
export interface DeclaredLicenses {
  /** An SPDX license expression. */
  readonly expression: string;
  /** Those of its names that are not on SPDX's list: `LicenseRef-debian-…` with Debian's name. */
  readonly references: ReadonlyMap<string, string>;
}

/**
 * The licenses of a machine-readable debian/copyright (copyright-format 1.0): all that stand at its paragraphs of files. Undefined where it is free text: then nobody but a
 * reader can tell.
 */
export function declaredLicenses(copyright: string): DeclaredLicenses | undefined {
  if (
    !/^Format(-Specification)?:\s*https?:\/\/(www\.)?debian\.org\/doc\/packaging-manuals\/copyright-format\/1\.0/im.test(
      copyright,
    )
  )
    return undefined;
  const references = new Map<string, string>();
  const found = new Set<string>();
  for (const paragraph of copyright.split(/\n[ \t]*\n/)) {
    const license = /^License:[ \t]*(\S[^\n]*)$/im.exec(paragraph)?.[1];
    if (license === undefined || !/^Files:/im.test(paragraph)) continue;
    found.add(expressionOf(license, references));
  }
  if (found.size === 0) return undefined;
  const parts = [...found].sort();
  const expression = parts.length === 1 ? parts.join("") : parts.map(inBrackets).join(" AND ");
  return { expression, references };
}

function inBrackets(expression: string): string {
  return / (AND|OR) /.test(expression) ? `(${expression})` : expression;
}

/** `GPL-2+ or Artistic` → `GPL-2.0-or-later OR Artistic-1.0-Perl`. A comma before `and` binds weaker than `or`. */
function expressionOf(license: string, references: Map<string, string>): string {
  const groups = license.split(/\s*,\s*(?=and\s)/i).map((group) =>
    group
      .replace(/^and\s+/i, "")
      .split(/\s+or\s+/i)
      .map((side) =>
        side
          .split(/\s+and\s+|,\s*/i)
          .map((name) => nameOf(name.trim(), references))
          .join(" AND "),
      )
      .join(" OR "),
  );
  return groups.length === 1 ? groups.join("") : groups.map(inBrackets).join(" AND ");
}

function nameOf(name: string, references: Map<string, string>): string {
  const plain = name.toLowerCase();
  const known = spdxNames[plain];
  if (known !== undefined) return known;
  const [, family, major, minor = "0", plus] = gnu.exec(plain) ?? [];
  if (family !== undefined)
    return `${family.toUpperCase()}-${major}.${minor}-${plus === undefined ? "only" : "or-later"}`;
  const reference = `LicenseRef-debian-${name.replace(/[^A-Za-z0-9.-]+/g, "-")}`;
  references.set(reference, name);
  return reference;
}
