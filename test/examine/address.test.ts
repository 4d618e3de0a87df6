import { describe, expect, test } from "vitest";
import { looksLikeAddress, parseAddress } from "../../src/examine/address.ts";
import { problemsOf } from "../build/filesystems/requests.ts";

const parse = (text: string, ...files: string[]) => {
  const { image, partition, path } = parseAddress(text, (name) => files.includes(name));
  return [image, partition, path];
};

describe("addresses", () => {
  test.each([
    ["x.img", ["x.img", undefined, "/"]],
    ["x.img:", ["x.img", undefined, "/"]],
    ["x.img:/", ["x.img", undefined, "/"]],
    ["x.img:/etc/fstab", ["x.img", undefined, "/etc/fstab"]],
    ["x.img:2:/etc", ["x.img", 2, "/etc"]],
    ["x.img:2:", ["x.img", 2, "/"]],
    ["x.img:2", ["x.img", 2, "/"]],
    ["x.img:/a:/b", ["x.img", undefined, "/a:/b"]],
    ["dir/x.img:/etc/*.conf", ["dir/x.img", undefined, "/etc/*.conf"]],
  ])("%s", (text, expected) => expect(parse(text, "x.img", "dir/x.img")).toEqual(expected));

  test.each([
    ["C:\\x.img:/etc", ["C:\\x.img", undefined, "/etc"]],
    ["C:\\x.img:2:/etc", ["C:\\x.img", 2, "/etc"]],
    ["C:/x.img:/etc", ["C:/x.img", undefined, "/etc"]],
    ["C:\\x.img", ["C:\\x.img", undefined, "/"]],
    ["C:/x.img", ["C:/x.img", undefined, "/"]],
  ])("%s, of Windows", (text, expected) => expect(parse(text, "C:\\x.img", "C:/x.img")).toEqual(expected));

  test("colons in the image's name: the first reading whose image exists", () => {
    expect(parse("a:/b.img:/etc", "a:/b.img")).toEqual(["a:/b.img", undefined, "/etc"]);
    expect(parse("x:2:/etc", "x:2")).toEqual(["x:2", undefined, "/etc"]);
    expect(parse("x:2:/etc", "x")).toEqual(["x", 2, "/etc"]);
  });

  test("of what does not exist, the most likely reading", () => {
    expect(parse("no.img:2:/etc")).toEqual(["no.img", 2, "/etc"]);
  });

  test("a path that does not start at the root", () => {
    const [problem] = problemsOf(() => parseAddress("x.img:etc/fstab", (name) => name === "x.img"));
    expect(problem).toMatchObject({ code: "usage/arguments", hint: "write x.img:/etc/fstab" });
  });

  test("nothing", () => {
    expect(problemsOf(() => parseAddress("", () => false))[0]?.code).toBe("usage/arguments");
  });

  test.each([
    ["x.img:/etc", true],
    ["x.img:2:/etc", true],
    ["out", false],
    ["./a:b", false],
    ["C:\\out", false],
    ["C:/out", false],
  ])("%s is an address: %s", (text, expected) => expect(looksLikeAddress(text)).toBe(expected));
});
