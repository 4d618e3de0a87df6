import { expect, test } from "vitest";
import { mergeDocument } from "../../../src/guest-config/user-data/assemble.ts";
import { applyPatch } from "../../../src/guest-config/user-data/json-patch.ts";
import { overlay } from "../../../src/guest-config/user-data/merge.ts";

function merged(documents: readonly unknown[], header?: string) {
  const problems: string[] = [];
  let config = {};
  for (const document of documents) config = mergeDocument(config, document, header, (text) => problems.push(text));
  return { config, problems };
}

const first = { list: [1, 2, 3], map: { a: 1, b: [1] }, text: "x", number: 1 };

test.each<[string, unknown, unknown]>([
  ["nothing said: keys are replaced whole", {}, { list: [9], map: { c: 3 }, text: "y", number: 2 }],
  ["dict()", { merge_how: "dict()" }, { list: [1, 2, 3], map: { a: 1, b: [1], c: 3 }, text: "x", number: 1 }],
  [
    "dict(recurse_array,recurse_str)+list(append)+str(append)",
    { merge_how: "dict(recurse_array,recurse_str)+list(append)+str(append)" },
    { list: [1, 2, 3, 9], map: { a: 1, b: [1], c: 3 }, text: "xy", number: 1 },
  ],
  [
    "capitals, blanks and dashes",
    { merge_type: " Dict( Recurse_Array )+ LIST(prepend) " },
    { list: [9, 1, 2, 3], map: { a: 1, b: [1], c: 3 }, text: "x", number: 1 },
  ],
  [
    "a list of mappings",
    {
      merge_how: [
        { name: "list", settings: ["append"] },
        { name: "dict", settings: ["no_replace", "recurse_list"] },
      ],
    },
    { list: [1, 2, 3, 9], map: { a: 1, b: [1], c: 3 }, text: "x", number: 1 },
  ],
  [
    "a list of lists",
    {
      merge_how: [
        ["dict", "recurse_array"],
        ["list", "replace"],
      ],
    },
    { list: [9, 2, 3], map: { a: 1, b: [1], c: 3 }, text: "x", number: 1 },
  ],
  [
    "merge_how comes before merge_type",
    { merge_how: "dict(recurse_array)+list(append)", merge_type: "dict(replace)" },
    { list: [1, 2, 3, 9], map: { a: 1, b: [1], c: 3 }, text: "x", number: 1 },
  ],
])("%s", (_, rules, config) => {
  const second = { list: [9], map: { c: 3 }, text: "y", number: 2, ...(rules as object) };
  expect(merged([first, second])).toEqual({ config, problems: [] });
});

test("the header Merge-Type counts, after the document's own rules", () => {
  const append = "dict(recurse_array)+list(append)";
  expect(merged([{ a: [1] }, { a: [2] }], append).config).toEqual({ a: [1, 2] });
  const own = { a: [2], merge_how: "list(prepend)+dict(recurse_array)" };
  expect(merged([{ a: [1] }, own], append).config).toEqual({ a: [2, 1] });
});

test.each([
  { merge_how: "nonsense" },
  { merge_how: "dict(" },
  { merge_how: "set(append)" },
  { merge_how: 7 },
  { merge_how: [{ settings: ["append"] }] },
  { merge_how: "list(append)" },
  { merge_how: "dict(recurse_dict)+list(append)", list: { no: "list" } },
])("%j: rules that do not work are told, and keys replaced", (second) => {
  const { config, problems } = merged([{ map: { a: [1] } }, { map: { a: { b: 1 } }, ...second }]);
  const { merge_how, ...rest } = second;
  if (problems.length === 0) return expect(config).toEqual({ map: { a: [1] }, ...rest });
  expect(problems).toHaveLength(1);
  expect(config).toEqual({ map: { a: { b: 1 } }, ...rest });
});

test("no document changes nothing; what is no mapping is an error", () => {
  expect(merged([first, null]).config).toEqual(first);
  expect(() => merged([[1]])).toThrow("cloud-config is no mapping");
});

test("layers: mappings are joined, of all else the upper one counts, null too", () => {
  expect(overlay({ a: { b: 1, c: [1] }, d: 1 }, { a: { c: [2], e: 3 }, d: null })).toEqual({
    a: { b: 1, c: [2], e: 3 },
    d: null,
  });
  expect(overlay({ a: [1] }, { a: { b: 1 } })).toEqual({ a: { b: 1 } });
});

const add = (path: string, value: unknown) => ({ op: "add", path, value });

// RFC 6902, appendix A.
test.each<[unknown, unknown[], unknown]>([
  [{ foo: "bar" }, [add("/baz", "qux")], { foo: "bar", baz: "qux" }],
  [{ foo: ["bar", "baz"] }, [add("/foo/1", "qux")], { foo: ["bar", "qux", "baz"] }],
  [{ baz: "qux", foo: "bar" }, [{ op: "remove", path: "/baz" }], { foo: "bar" }],
  [{ foo: ["bar", "qux", "baz"] }, [{ op: "remove", path: "/foo/1" }], { foo: ["bar", "baz"] }],
  [{ baz: "qux" }, [{ op: "replace", path: "/baz", value: "boo" }], { baz: "boo" }],
  [
    { foo: { bar: 1, waldo: 2 }, qux: {} },
    [{ op: "move", from: "/foo/waldo", path: "/qux/thud" }],
    { foo: { bar: 1 }, qux: { thud: 2 } },
  ],
  [{ foo: ["all", "cows", "eat"] }, [{ op: "move", from: "/foo/1", path: "/foo/2" }], { foo: ["all", "eat", "cows"] }],
  [{ baz: ["a", 2, "c"] }, [{ op: "test", path: "/baz/1", value: 2 }], { baz: ["a", 2, "c"] }],
  [{ "/": 9, "~1": 10 }, [{ op: "test", path: "/~01", value: 10 }], { "/": 9, "~1": 10 }],
  [{ foo: ["bar"] }, [add("/foo/-", ["abc"])], { foo: ["bar", ["abc"]] }],
  [{ a: { x: 1, y: 2 } }, [{ op: "test", path: "/a", value: { y: 2, x: 1 } }], { a: { x: 1, y: 2 } }],
  [{ a: [1] }, [{ op: "copy", from: "/a", path: "/b" }, add("/a/0", 0)], { a: [0, 1], b: [1] }],
])("patch %j with %j", (document, patch, result) => {
  expect(applyPatch(document as never, patch)).toEqual(result);
});

test.each([
  [[{ op: "remove", path: "/none" }]],
  [[{ op: "replace", path: "/none", value: 1 }]],
  [[add("/none/x", 1)]],
  [[add("/list/7", 1)]],
  [[add("/list/01", 1)]],
  [[{ op: "test", path: "/a", value: 2 }]],
  [[{ op: "nothing", path: "/a" }]],
  [[{ op: "remove", path: "" }]],
  [[add("a", 1)]],
  [["x"]],
  ["x"],
])("the patch %j is refused whole", (patch) => {
  expect(() => applyPatch({ a: 1, list: [] }, patch)).toThrow(Error);
});
