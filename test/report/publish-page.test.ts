import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { consoleText } from "../../src/report/html-console.ts";
import type { CloudFacts, PublishFacts } from "../../src/report/publish-facts.ts";
import { publishPage } from "../../src/report/publish-page.ts";
import { instancePrice } from "../../src/report/publish-page-cost.ts";
import { readMarkup } from "./markup.ts";

const step = (id: string, startMs: number, durationMs: number, status: "done" | "cached" | "failed" = "done") => ({
  ...{ id, title: `The step ${id}`, status, startMs, durationMs },
});

const cloud: CloudFacts = {
  ...{ title: "Tencent Cloud", region: "ap-guangzhou", run: "20261121-100000-abc123", outcome: "done", errors: [] },
  steps: [step("import", 10_000, 60_000), step("launch", 70_000, 20_000), step("clean-up", 90_000, 36_000)],
  images: [
    { id: "img-1", region: "ap-guangzhou", name: "web-5f5f", existed: false },
    { id: "img-2", region: "ap-beijing", name: "web-5f5f", existed: true },
  ],
  instance: {
    ...{ id: "ins-1", address: "192.0.2.7", instanceType: "S5.SMALL1", zone: "ap-guangzhou-3", isSpot: true },
    price: { perHour: 0.5, currency: "CNY" },
  },
  hostKeyFingerprint: "SHA256:abcdef",
  checks: [
    { name: "ssh: uname", kind: "ssh", ok: true, durationMs: 900, attempts: 1, detail: "exit code 0" },
    { name: "http: GET /", kind: "http", ok: true, durationMs: 12, attempts: 2, detail: "status 200, 5 bytes" },
  ],
  console: "[    0.000000] Linux version 6.12\r\n\u001b[32mready\u001b[0m\r\n",
  screenshot: { format: "png", base64: "iVBORw0KGgo=" },
  deprecated: ["img-0"],
  removed: ["img-00"],
  ledger: [
    { kind: "image", id: "img-1", region: "ap-guangzhou", state: "kept" },
    { kind: "instance", id: "ins-1", region: "ap-guangzhou", state: "removed" },
  ],
  leftInCloud: [],
};

const facts: PublishFacts = {
  ...{ profile: "web", isRehearsal: true, startedAt: "2026-11-21T10:00:00.000Z", durationMs: 130_000 },
  image: { name: "web", path: "out/web.qcow2", format: "qcow2", identity: "5f".repeat(32), diskSizeBytes: 2 ** 30 },
  steps: [step("build", 0, 9_000, "cached")],
  clouds: [cloud],
};

const failedCloud: CloudFacts = {
  ...{ title: "Alibaba Cloud", region: "cn-hangzhou", run: "20261121-100000-def456", outcome: "failed", images: [] },
  errors: [
    { code: "cloud/denied", message: "cannot import: no role <AliyunECSImageImportDefaultRole>", hint: "make it" },
  ],
  ...{ steps: [step("import", 10_000, 500, "failed")], checks: [], deprecated: [], removed: [] },
  ledger: [{ kind: "object", id: "b/key", region: "cn-hangzhou", state: "left", fault: "AccessDenied & so on" }],
};

describe("the report of a publish", () => {
  const page = publishPage(facts);
  const { text, elements } = readMarkup(page);

  test.each([
    ["the outcome, first", /^\s*web: publish\s*web: rehearsed/],
    ["that it is a rehearsal", /A rehearsal: the clouds were emulated/],
    ["steps", /The step import/],
    ["durations", /1 min 0 s/],
    ["images by region", /img-2\s*ap-beijing/],
    ["the host key", /SHA256:abcdef/],
    ["what the instance cost", /0\.5 CNY an hour; about 0\.0078 CNY for 56\.0 s/],
    ["checks", /http: GET \/\s*HTTP\s*✓ passed/],
    ["older images", /img-0\s*marked as superseded/],
    ["the console without escapes", /6\.12\nready\s/],
    [
      "that nothing is left",
      /✓ Nothing is left but the one thing that is meant to stay\.\s*The cloud itself says the same/,
    ],
  ])("shows %s", (_, pattern) => expect(text).toMatch(pattern));

  test("needs nothing but itself", () => {
    expect(elements.filter(({ name }) => ["script", "link", "iframe"].includes(name))).toEqual([]);
    const addresses = elements.flatMap(({ attributes }) => [attributes["src"], attributes["href"]]);
    for (const address of addresses) expect(address ?? "#").toMatch(/^(#|data:image\/png;base64,iVBORw0KGgo=$)/);
    expect(page).not.toMatch(/url\(|@import/);
  });

  test("can be read by those who do not see it", () => {
    const names = elements.map(({ name }) => name);
    expect(names.filter((name) => name === "h1")).toHaveLength(1);
    expect(names.filter((name) => name === "caption").length).toBe(names.filter((name) => name === "table").length);
    const levels = names.filter((name) => /^h[1-6]$/.test(name)).map((name) => Number(name[1]));
    for (const [index, level] of levels.entries()) expect(level - (levels[index - 1] ?? 0)).toBeLessThanOrEqual(1);
    for (const { name, attributes } of elements) if (name === "img") expect(attributes["alt"]).not.toBe("");
    for (const { attributes } of elements) {
      if (attributes["class"] === "console") expect(attributes).toMatchObject({ tabindex: "0", role: "region" });
    }
    const ids = new Set(elements.flatMap(({ attributes }) => attributes["id"] ?? []));
    for (const { attributes } of elements)
      if (attributes["href"] !== undefined) expect(ids).toContain(attributes["href"].slice(1));
  });

  test("is small: under 20 KB besides console and screenshot", () => expect(page.length).toBeLessThan(20_000));
});

test("several clouds, one of which failed, stand on one scale of time", () => {
  const { text, elements } = readMarkup(publishPage({ ...facts, isRehearsal: false, clouds: [cloud, failedCloud] }));
  expect(text).toMatch(/web: published to 1 of 2 clouds/);
  expect(text).toMatch(
    /Error cloud\/denied\s*cannot import: no role <AliyunECSImageImportDefaultRole>\s*What to do: make it/,
  );
  expect(text).toMatch(/✗ 1 thing is left and may cost money. Remove it with cloudimg clean 20261121-100000-def456/);
  expect(text).toContain("✗ left: AccessDenied & so on");
  const imports = elements.filter(({ attributes }) => attributes["title"]?.startsWith("The step import"));
  // Begun at the same time: each in the lanes and in its table.
  expect(imports.map(({ attributes }) => attributes["style"]?.split(";")[0])).toEqual([
    ...["left:7.69%", "left:7.69%", "left:7.69%", "left:7.69%"],
  ]);
});

test("whom the console is of", () => {
  const said = (consoleFrom: "cloud" | "guest") =>
    readMarkup(publishPage({ ...facts, clouds: [{ ...cloud, consoleFrom }] })).text;
  expect(said("cloud")).toMatch(/As Tencent Cloud shows it\./);
  expect(said("guest")).toMatch(/The instance itself has sent this log; Tencent Cloud has shown none\./);
});

test("what the cloud says is there, although our records do not", () => {
  const leftInCloud = [{ kind: "volume", id: "disk-9", region: "r", state: "left" as const }];
  const { text } = readMarkup(publishPage({ ...facts, clouds: [{ ...cloud, leftInCloud }] }));
  expect(text).toMatch(/The cloud itself says that 1 thing is there\./);
  expect(text).toContain("disk-9");
});

test("a publish that ended before any cloud came in", () => {
  expect(readMarkup(publishPage({ ...facts, clouds: [] })).text).toMatch(/web: not rehearsed/);
  const { image: _, ...rest } = facts;
  const none = { ...failedCloud, run: undefined, steps: [], ledger: [], outcome: "interrupted" as const };
  const { text } = readMarkup(publishPage({ ...rest, steps: [], clouds: [none] }));
  expect(text).toMatch(/not rehearsed/);
  expect(text).toMatch(/it goes on where it was/);
});

describe("what others have written stays text", () => {
  const evil = `</pre><script>alert(1)</script><img src=x onerror="alert(1)">'&amp;`;

  test("on the console", () => {
    const { text, elements } = readMarkup(publishPage({ ...facts, clouds: [{ ...cloud, console: evil }] }));
    expect(text).toContain(evil);
    expect(elements.filter(({ name }) => name === "script")).toEqual([]);
  });

  const word = fc.oneof(
    fc.string({ unit: "binary", maxLength: 30 }),
    fc
      .array(
        fc.constantFrom(
          "<",
          ">",
          '"',
          "'",
          "&",
          "</",
          "script",
          "<!--",
          "]]>",
          "\u0000",
          "\u202e",
          "\ud800",
          "\r\n",
          "x",
        ),
      )
      .map((parts) => parts.join("")),
    fc.constant(evil),
  );
  const structure = (page: string) =>
    readMarkup(page).elements.map(({ name, attributes }) => `${name} ${Object.keys(attributes)}`);

  test("everywhere: random texts change no element and no attribute's name", () => {
    const plain = structure(publishPage(withWords(() => "x")));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 40 }), (words) => {
        let next = 0;
        const page = publishPage(withWords(() => `x${words[next++ % words.length]}`));
        expect(structure(page)).toEqual(plain);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: that they are gone is what is tested
        expect(page).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
        expect(page.isWellFormed()).toBe(true);
      }),
      { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 150) },
    );
  });

  /** Facts in which every text that comes from elsewhere is another word. */
  function withWords(word: () => string): PublishFacts {
    const replaced = (value: unknown, key?: string): unknown => {
      if (Array.isArray(value)) return value.map((item) => replaced(item, key));
      if (typeof value === "object" && value !== null)
        return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, replaced(item, name)]));
      const isOurs =
        ["status", "outcome", "state", "format"].includes(key ?? "") ||
        (key === "kind" && (value === "ssh" || value === "http"));
      return typeof value === "string" && !isOurs ? word() : value;
    };
    return replaced({ ...facts, clouds: [cloud, failedCloud] }) as PublishFacts;
  }
});

test("a console as a terminal would show it", () => {
  expect(consoleText("\u001b[2J\u001b[1;1Ha\r\n50%\r100%\nb\u0007\u001b]0;title\u0007c\r\r\n\n")).toBe("a\n100%\nbc");
});

test("a console of 4 MB is in the page in full, within a second", () => {
  const line = "[    1.234567] <some> driver: said & did something, and then something else\r\n";
  const started = performance.now();
  const page = publishPage({ ...facts, clouds: [{ ...cloud, console: line.repeat(55_000) }] });
  expect(performance.now() - started).toBeLessThan(1000);
  expect(page.split("driver: said").length).toBe(55_001);
});

test.each([
  [0, "0 CNY an hour; about 0 CNY"],
  [0.0123, "0.012 CNY an hour; about 0.00019 CNY"],
  [12.34, "12.34 CNY an hour; about 0.19 CNY"],
])("a price of %d", (perHour, shown) => {
  expect(instancePrice({ perHour, currency: "CNY" }, cloud.steps)).toContain(`${shown} for 56.0 s`);
});
