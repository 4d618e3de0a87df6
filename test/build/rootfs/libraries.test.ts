import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { readElf } from "../../../src/build/rootfs/elf.ts";
import { checkLibraries } from "../../../src/build/rootfs/libraries.ts";
import { bytesSource, readAll } from "../../../src/core/byte-source.ts";
import { keptBytes } from "../../../src/core/kept-bytes.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { elfFile } from "./elf-file.ts";
import { realPackages } from "./real-packages.ts";
import { problemsOf, saidOf, treeOf } from "./trees.ts";

const loader = "/lib64/ld-linux-x86-64.so.2";
const base = {
  "/lib": "-> usr/lib",
  "/lib64": "-> usr/lib64",
  "/usr/lib64/ld-linux-x86-64.so.2": "-> ../lib/x86_64-linux-gnu/ld.so",
  "/usr/lib/x86_64-linux-gnu/ld.so": elfFile({}),
  "/usr/lib/x86_64-linux-gnu/libc.so.6": elfFile({}),
};

function check(files: Record<string, string | Uint8Array>): string[] {
  return saidOf(() => checkLibraries(treeOf("package app", { ...base, ...files })));
}

describe("libraries are found where ld.so(8) looks", () => {
  test.each<[string, Record<string, string | Uint8Array>]>([
    ["the standard directories", { "/usr/bin/app": elfFile({ interpreter: loader, needed: ["libc.so.6"] }) }],
    [
      "/usr/lib, by a link",
      {
        "/usr/bin/app": elfFile({ needed: ["liba.so.1"] }),
        "/usr/lib/liba.so.1": "-> liba.so.1.2",
        "/usr/lib/liba.so.1.2": elfFile({}),
      },
    ],
    [
      "RUNPATH with $ORIGIN",
      {
        "/opt/app/bin/app": elfFile({ needed: ["liba.so"], runpath: "/nowhere:$ORIGIN/../lib" }),
        "/opt/app/lib/liba.so": elfFile({}),
      },
    ],
    [
      "RPATH with ORIGIN in braces",
      {
        "/opt/app/app": elfFile({ needed: ["liba.so"], rpath: "$" + "{ORIGIN}" }),
        "/opt/app/liba.so": elfFile({}),
      },
    ],
    [
      "a path instead of a name",
      { "/usr/bin/app": elfFile({ needed: ["/opt/x/liba.so"] }), "/opt/x/liba.so": elfFile({}) },
    ],
    [
      "a plug-in's library, which its program has loaded",
      { "/opt/x/plugin.so": elfFile({ needed: ["libcore.so"] }), "/opt/y/libcore.so": elfFile({}) },
    ],
    ["scripts and data are none of our business", { "/usr/bin/script": "#!/bin/sh\n", "/usr/share/data": "\x7fELF" }],
  ])("%s", (_, files) => {
    expect(check(files)).toEqual([]);
  });
});

test("what was found right holds until a program, a path or a link changes; a text may", () => {
  const cache = mkdtempSync(join(tmpdir(), "cloudimg-libraries-"));
  onTestFinished(() => rmSync(cache, { recursive: true }));
  const kept = keptBytes({ directories: { cache, data: cache } });
  const puts = (files: Record<string, string | Uint8Array>) => {
    let count = 0;
    const put: typeof kept.put = (...words) => {
      count++;
      kept.put(...words);
    };
    checkLibraries(treeOf("package app", { ...base, ...files }), { ...kept, put });
    return count;
  };
  const app = elfFile({ needed: ["libc.so.6"] });
  expect(puts({ "/usr/bin/app": app, "/etc/motd": "one" })).toBe(1);
  expect(puts({ "/usr/bin/app": app, "/etc/motd": "x".repeat(100) })).toBe(0);
  expect(puts({ "/usr/bin/app": elfFile({}), "/etc/motd": "one" })).toBe(1);
  expect(puts({ "/usr/bin/app": app, "/etc/issue": "one" })).toBe(1);
  expect(() => puts({ "/usr/bin/app": app, "/etc/motd": elfFile({ needed: ["libfoo.so.1"] }) })).toThrow("libfoo.so.1");
});

test("everything that is missing is listed, with the file, where it comes from, and the package to add", () => {
  const files = {
    "/usr/bin/one": elfFile({ interpreter: loader, needed: ["libc.so.6", "libfoo.so.1", "libbar2.so.3"] }),
    "/usr/bin/two": elfFile({ interpreter: "/lib/ld-musl-x86_64.so.1" }),
    // In the image, but not where a program without RUNPATH finds it.
    "/opt/lib/libfoo.so.1": elfFile({}),
  };
  const problems = problemsOf(() => checkLibraries(treeOf("package app", { ...base, ...files })));
  expect(problems.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    "image/missing-library: cannot run /usr/bin/one (from package app): the library libfoo.so.1 is not in the image",
    "image/missing-library: cannot run /usr/bin/one (from package app): the library libbar2.so.3 is not in the image",
    "image/missing-library: cannot run /usr/bin/two (from package app): the program loader /lib/ld-musl-x86_64.so.1 is not in the image",
  ]);
  expect(problems[0]?.hint).toContain("libfoo1 or libfoo1t64");
  expect(problems[1]?.hint).toContain("libbar2-3 or libbar2-3t64");
});

test("a library for another processor does not count", () => {
  const said = check({
    "/usr/bin/app": elfFile({ interpreter: loader, needed: ["liba.so.1"] }),
    "/usr/lib/x86_64-linux-gnu/liba.so.1": elfFile({ machine: 183 }),
  });
  expect(said).toEqual([expect.stringContaining("the library liba.so.1 is not in the image")]);
});

test("an executable that is cut short is an error that names it", () => {
  const whole = elfFile({ needed: ["libc.so.6"] });
  expect(check({ "/usr/bin/app": whole.subarray(0, whole.length - 8) })).toEqual([
    "image/missing-library: cannot read the executable /usr/bin/app (from package app): it is cut short",
  ]);
});

describe("Debian's packages", { timeout: 300_000 }, () => {
  test("what is read of an executable is what readelf reads", async () => {
    const { packages } = await realPackages();
    const directory = mkdtempSync(join(tmpdir(), "cloudimg-elf-"));
    try {
      for (const [name, path] of [
        ["nginx", "/usr/sbin/nginx"],
        ["dropbear-bin", "/usr/sbin/dropbear"],
        ["busybox-static", "/usr/bin/busybox"],
        ["libc6", "/usr/lib/x86_64-linux-gnu/libc.so.6"],
      ] as const) {
        const bytes = contentOf(packages.get(name), path);
        writeFileSync(join(directory, name), bytes);
        const { output } = await runOracle("readelf", ["-ld", "-W", join(directory, name)]);
        const elf = readElf(bytesSource(bytes));
        expect(elf?.needed).toEqual([...output.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, library]) => library));
        expect(elf?.interpreter).toBe(/interpreter: (.*)\]/.exec(output)?.[1]);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

function contentOf(tree: Tree | undefined, path: string): Uint8Array {
  const node = tree?.get(path);
  if (node?.type !== "file") throw new Error(`no ${path}`);
  return readAll(node.content);
}
