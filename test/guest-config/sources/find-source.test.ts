import { expect, test } from "vitest";
import { findSource } from "../../../src/guest-config/initializer/find-source.ts";
import type { SourceResult } from "../../../src/guest-config/initializer/source-result.ts";
import type { Found } from "../../../src/guest-config/sources/datasource.ts";
import { noSigns } from "../../../src/guest-config/sources/signs.ts";
import { memoryHost } from "./memory-host.ts";

const whole: Found = { place: "a", instanceId: "i-1", authorizedKeys: {}, problems: [] };

/** What these sources come to, one after the other, and what was told of them. */
function ask(finds: readonly (Found | undefined | Error)[], before?: SourceResult) {
  const problems: string[] = [];
  const sources = finds.map((found, index) => ({
    name: `source-${index}`,
    cloudInitName: `Source${index}`,
    find: () => {
      if (found instanceof Error) throw found;
      return found;
    },
  }));
  const problem = (text: string) => void problems.push(text);
  return { result: findSource(memoryHost({}), { signs: noSigns, sources, before, problem, tell: () => {} }), problems };
}

test("the first whole one; one that throws or finds nothing hides no other", () => {
  const { result, problems } = ask([new Error("defect"), undefined, whole, { ...whole, instanceId: "i-2" }]);
  expect(result).toMatchObject({ name: "source-2", found: { instanceId: "i-1" }, isDecided: true });
  expect(problems).toEqual(["source-0: defect"]);
  expect(ask([undefined]).result).toBeUndefined();
});

test("a broken one only if there is no other", () => {
  const broken: Found = { ...whole, instanceId: "i-broken", problems: ["damaged"], isBroken: true };
  expect(ask([broken, whole])).toMatchObject({ result: { found: { instanceId: "i-1" } }, problems: ["damaged"] });
  expect(ask([broken, undefined]).result).toMatchObject({ found: { instanceId: "i-broken" }, isDecided: false });
});

test("a part is joined with what the next says; the network is the part's, the rest the other's", () => {
  const network = { interfaces: [], nameservers: ["192.0.2.1"], search: [] };
  const finished: string[] = [];
  const part: Found = {
    place: "/dev/sr0",
    hostname: "part",
    authorizedKeys: { a: ["k"] },
    network,
    passwordHashes: { root: "$6$a$b" },
    problems: [],
    asksOn: true,
    finish: () => void finished.push("part"),
  };
  const { result } = ask([part, { ...whole, hostname: "whole", network: { ...network, nameservers: [] } }]);
  expect(result).toMatchObject({
    isDecided: true,
    found: {
      place: "/dev/sr0, a",
      instanceId: "i-1",
      hostname: "whole",
      network,
      passwordHashes: { root: "$6$a$b" },
      authorizedKeys: { a: ["k"] },
    },
  });
  result?.found.finish?.(memoryHost({}));
  expect(finished).toEqual(["part"]);
  expect(ask([part]).result).toMatchObject({ found: { hostname: "part" }, isDecided: false });
});

test("an id that fits into no line is none", () => {
  const { result, problems } = ask([{ ...whole, instanceId: "x".repeat(1_000_000) }]);
  expect(result?.found.instanceId).toBeUndefined();
  expect(problems).toEqual(["source-0: the instance's id is longer than 200 characters"]);
});
