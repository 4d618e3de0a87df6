import { globSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

// The directions of docs/architecture.md, enforced. Imports are read with a regular expression: what Biome formats is that regular.
const sourceDirectory = join(dirname(fileURLToPath(import.meta.url)), "../src");

interface Import {
  /** A path below src, or a package's name. */
  readonly to: string;
  /** `import type`: gone when the program runs. */
  readonly isType: boolean;
  /** `import("…")`: loaded when it is reached. */
  readonly isLazy: boolean;
}

interface Source {
  readonly path: string;
  /** Without comments. */
  readonly code: string;
  readonly imports: readonly Import[];
}

const sources: readonly Source[] = globSync("**/*.ts", { cwd: sourceDirectory })
  .map((path) => path.replaceAll("\\", "/"))
  .sort()
  .map(readSource);
const byPath = new Map(sources.map((source) => [source.path, source]));

/** Stages, the folders of build: each may use core and profile, and never another stage. What lies right in build puts them together. */
const stages = [...new Set(sources.map(({ path }) => areaOf(path)).filter((area) => area.startsWith("build/")))];
const others = ["guest-config", "machine", "smoke"];

/** What each area may import besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  report: ["core"],
  profile: ["core"],
  ...Object.fromEntries([...stages, ...others].map((stage) => [stage, ["core", "profile"]])),
  examine: ["core", "profile", ...stages, "providers"],
  pipeline: ["core", "profile", ...stages, ...others],
  providers: ["core", "profile", ...others],
  rehearsal: ["core", "profile", ...others, "providers"],
  commands: ["core", "profile", ...stages, ...others, "pipeline", "examine", "providers", "rehearsal", "report"],
  cli: ["core", "commands", "report"],
};

/** Packages that take long to load, or must stay replaceable: who may import them, and only by `import("…")` inside a function. */
const lazyOwners: Readonly<Record<string, string>> = {
  ssh2: "smoke/",
  "@aws-sdk/": "providers/",
  "tencentcloud-": "providers/tencent/",
  "cos-nodejs-": "providers/tencent/",
  "@alicloud/": "providers/alibaba/",
  "ali-oss": "providers/alibaba/",
  "@huaweicloud/": "providers/huawei/",
};

test("there are sources, and the reader of imports finds what they import", () => {
  expect(sources.length).toBeGreaterThan(50);
  const paths = byPath.get("profile/load.ts")?.imports.map(({ to }) => to);
  expect(paths).toEqual(expect.arrayContaining(["core/errors.ts", "profile/schema.ts", "zod"]));
  expect(
    readImports("a/b.ts", 'const x = await import("ssh2");\nexport { y } from "./c.ts";\nimport "../d.ts";'),
  ).toEqual([
    { to: "ssh2", isType: false, isLazy: true },
    { to: "a/c.ts", isType: false, isLazy: false },
    { to: "d.ts", isType: false, isLazy: false },
  ]);
});

describe("imports point one way", () => {
  test.each(Object.entries(mayImport))("%s", (area, allowed) => {
    const wrong = sources
      .filter(({ path }) => areaOf(path) === area)
      .flatMap(({ path, imports }) =>
        imports
          .filter(({ to }) => byPath.has(to) && areaOf(to) !== area && !allowed.includes(areaOf(to)))
          .map(({ to }) => `${path} imports ${to}`),
      );
    expect(wrong).toEqual([]);
  });

  test("every file belongs to an area", () => {
    expect(sources.map(({ path }) => path).filter((path) => mayImport[areaOf(path)] === undefined)).toEqual([]);
  });

  test("every relative import leads to a file", () => {
    const lost = sources.flatMap(({ path, imports }) =>
      imports.filter(({ to }) => to.endsWith(".ts") && !byPath.has(to)).map(({ to }) => `${path} imports ${to}`),
    );
    expect(lost).toEqual([]);
  });

  test("no provider imports another", () => {
    const vendor = (path: string) => /^providers\/([^/]+)\//.exec(path)?.[1];
    const wrong = sources.flatMap(({ path, imports }) =>
      imports
        .filter(({ to }) => vendor(path) !== undefined && vendor(to) !== undefined && vendor(to) !== vendor(path))
        .map(({ to }) => `${path} imports ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  test("no cycles", () => {
    expect(findCycle()).toBeUndefined();
  });
});

test.each(Object.entries(lazyOwners))("%s is loaded lazily, by %s only", (prefix, owner) => {
  const wrong = sources.flatMap(({ path, imports }) =>
    imports
      .filter(({ to, isType, isLazy }) => to.startsWith(prefix) && !isType && !(isLazy && path.startsWith(owner)))
      .map(({ to }) => `${path} imports ${to}`),
  );
  expect(wrong).toEqual([]);
});

test("only report writes to the process's streams; cli hands them to it", () => {
  const writers = sources
    .filter(({ path }) => !path.startsWith("report/") && !path.startsWith("guest-config/initializer/"))
    .filter(
      ({ path, code }) => /\bconsole\.\w+\(/.test(code) || (path !== "cli.ts" && /process\.std(out|err)/.test(code)),
    )
    .map(({ path }) => path);
  expect(writers).toEqual([]);
});

test("what runs in the guest needs nothing of Node's", () => {
  const seen = new Set<string>();
  const pending = sources.map(({ path }) => path).filter((path) => path.startsWith("guest-config/initializer/"));
  const wrong: string[] = [];
  while (pending.length > 0) {
    const path = pending.pop() as string;
    if (seen.has(path)) continue;
    seen.add(path);
    for (const { to, isType } of byPath.get(path)?.imports ?? []) {
      if (isType) continue;
      if (byPath.has(to)) pending.push(to);
      // QuickJS has modules of its own.
      else if (to !== "qjs:std" && to !== "qjs:os") wrong.push(`${path} imports ${to}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("no default exports, no barrels, no enums", () => {
  const pattern = /^export (default|\*)|^(export )?(const )?enum /m;
  expect(sources.filter(({ code }) => pattern.test(code)).map(({ path }) => path)).toEqual([]);
});

function areaOf(path: string): string {
  const parts = path.split("/");
  if (path === "cli.ts" || path === "start.ts") return "cli";
  if (parts[0] === "build") return parts.length === 2 ? "pipeline" : `build/${parts[1]}`;
  return parts[0] ?? "";
}

function readSource(path: string): Source {
  const code = readFileSync(join(sourceDirectory, path), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
  return { path, code, imports: readImports(path, code) };
}

function readImports(path: string, code: string): Import[] {
  const statement = /^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm;
  return [...code.matchAll(statement)].map(([, type, fixed, lazy]) => {
    const specifier = (fixed ?? lazy) as string;
    const to = specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : specifier;
    return { to, isType: type !== undefined, isLazy: lazy !== undefined };
  });
}

/** The files of an import cycle, if there is one. Lazy imports and types count: a cycle is a cycle to whoever reads it. */
function findCycle(): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const { to } of byPath.get(path)?.imports ?? []) {
      const cycle = byPath.has(to) ? visit(to, [...trail, path]) : undefined;
      if (cycle !== undefined) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const { path } of sources) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
