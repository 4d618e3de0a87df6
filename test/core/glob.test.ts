import { describe, expect, test } from "vitest";
import { globMatcher } from "../../src/core/glob.ts";

describe("path globs", () => {
  test.each<[pattern: string, yes: string[], no: string[]]>([
    ["/usr/bin/x", ["/usr/bin/x", "/usr/bin/x/below"], ["/usr/bin/xy", "/usr/bin", "/a/usr/bin/x"]],
    ["/usr/bin/", ["/usr/bin", "/usr/bin/x"], ["/usr/bins"]],
    ["/usr/*/x", ["/usr/a/x"], ["/usr/x", "/usr/a/b/x"]],
    ["/usr/**", ["/usr/a", "/usr/a/b"], ["/usr", "/usrx"]],
    ["/usr/**/x", ["/usr/x", "/usr/a/x", "/usr/a/b/x"], ["/usr/ax"]],
    ["/**/x", ["/x", "/a/b/x"], ["/ax"]],
    ["/lib?.so.[12]", ["/liba.so.1", "/libb.so.2"], ["/lib.so.1", "/liba.so.3", "/lib/.so.1"]],
    ["/[!a]x", ["/bx"], ["/ax"]],
    ["/a.b+(c)$", ["/a.b+(c)$"], ["/aXb+(c)$"]],
    ["/a[b", ["/a[b"], ["/ab"]],
    ["/*", ["/a", "/a/b", "/.hidden"], ["/"]],
  ])("%s", (pattern, yes, no) => {
    const matches = globMatcher(pattern);
    expect(yes.filter((path) => !matches(path))).toEqual([]);
    expect(no.filter(matches)).toEqual([]);
  });
});
