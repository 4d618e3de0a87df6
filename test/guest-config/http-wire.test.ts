import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../src/guest-config/initializer/bytes.ts";
import type { HttpRequest, HttpResult } from "../../src/guest-config/initializer/http.ts";
import { formatRequest, headerLines, parseUrl, responseReader } from "../../src/guest-config/initializer/http-wire.ts";

const fuzzRuns = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 1000);

describe("URLs", () => {
  test.each([
    ["http://192.0.2.1", { host: "192.0.2.1", port: 80, authority: "192.0.2.1", path: "/" }],
    [
      "HTTP://example.org:8080/a/b?c=d#e",
      { host: "example.org", port: 8080, authority: "example.org:8080", path: "/a/b?c=d" },
    ],
    [
      "https://example.org?x",
      { isSecure: true, host: "example.org", port: 443, authority: "example.org", path: "/?x" },
    ],
    ["http://[fd00:100::100:200]/", { host: "fd00:100::100:200", authority: "[fd00:100::100:200]" }],
    ["http://[fe80::a9fe:a9fe%25eth0]:80/x", { host: "fe80::a9fe:a9fe%eth0", authority: "[fe80::a9fe:a9fe]:80" }],
    ["http://[fe80::1%eth0.7]/", { host: "fe80::1%eth0.7" }],
    ["http://h/grün/%20", { path: "/gr%C3%BCn/%20" }],
  ])("%s", (url, target) => {
    expect(parseUrl(url)).toMatchObject(target);
  });

  test.each([
    ...["", "example.org", "ftp://h/", "http://", "http:///x", "http://a b/", "http://h/a b", "http://h/\r\nX: y"],
    ...["http://u:p@h/", "http://h:0/", "http://h:65536/", "http://[::1/", "http://[::g]/", "http://[1.2.3.4]/"],
    ...["http://-l/", "http://[fe80::1%a b]/", "http://[fe80::1%25eth0;x]/", "http://h\0/"],
  ])("not %j", (url) => {
    expect(parseUrl(url)).toBeUndefined();
  });
});

test("a request, and headers that would break out of it", () => {
  const request: HttpRequest = { method: "PUT", url: "http://h:81/t", timeoutMs: 1, limitBytes: 1 };
  const target = parseUrl(request.url);
  if (target === undefined) throw new Error("no target");
  expect(decodeUtf8(formatRequest(request, target, headerLines({ "X-T": "60 " }) ?? []))).toBe(
    "PUT /t HTTP/1.1\r\nHost: h:81\r\nUser-Agent: cloudimg-init\r\nAccept: */*\r\nConnection: close\r\nX-T: 60\r\nContent-Length: 0\r\n\r\n",
  );
  for (const headers of [{ "A b": "c" }, { "A:": "c" }, { "": "c" }, { A: "b\nC: d" }, { A: "b\0" }, { A: "ü" }])
    expect(headerLines(headers as unknown as Record<string, string>)).toBeUndefined();
});

/** Reads an answer that comes in pieces of these sizes, and then ends. */
function read(bytes: Uint8Array, sizes: readonly number[], limitBytes = 1000): HttpResult {
  const reader = responseReader("GET", limitBytes);
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes.length === 0 ? bytes.length : Math.max(1, sizes[index % sizes.length] as number);
    const result = reader.push(bytes.subarray(at, at + size));
    if (result !== undefined) return result;
    at += size;
  }
  return reader.end();
}

const chunk = (bytes: Uint8Array) => [...encodeUtf8(`${bytes.length.toString(16)}\r\n`), ...bytes, 13, 10];
const sizesOfPieces = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 6 });

test("any body comes out as it was, in whatever form and pieces", () => {
  const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 6 });
  fc.assert(
    fc.property(parts, fc.constantFrom("length", "chunks", "end"), sizesOfPieces, (list, form, sizes) => {
      const body = list.flatMap((part) => [...part]);
      const header = { length: `Content-Length: ${body.length}`, chunks: "transfer-encoding: Chunked", end: "A: b" }[
        form
      ];
      const head = [...encodeUtf8(`HTTP/1.1 200 Fine\r\n${header}\r\nX-Y:  z \r\n\r\n`)];
      const sent = form === "chunks" ? [...list.flatMap(chunk), ...encodeUtf8("0\r\n\r\n")] : body;
      const result = read(Uint8Array.from([...head, ...sent]), sizes);
      expect(result).toMatchObject({ status: 200, headers: { "x-y": "z" } });
      expect("body" in result && [...result.body]).toEqual(body);
    }),
  );
});

test("a body at its limit is taken, and one byte more refused, in every form", () => {
  const body = "x".repeat(1000);
  const answers = [
    (text: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
    (text: string) => `HTTP/1.1 200 OK\r\n\r\n${text}`,
    (text: string) =>
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n${(text.length - 1).toString(16)}\r\n${text.slice(1)}\r\n0\r\n\r\n`,
  ];
  for (const answer of answers) {
    expect(read(encodeUtf8(answer(body)), [])).toMatchObject({ status: 200 });
    expect(read(encodeUtf8(answer(`${body}x`)), [])).toMatchObject({ kind: "refused" });
  }
});

test("whatever comes ends in an answer or a reason, the same however it is cut", () => {
  const seeds = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nA: b\r\n c\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: u\r\n\r\n",
    "HTTP/1.0 301 \nLocation: /x\nA: 1\nA: 2\n\nbody",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n",
  ].map(encodeUtf8);
  const change = fc.tuple(fc.nat(200), fc.nat(255), fc.constantFrom("set", "insert", "cut"));
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(change, { maxLength: 8 }),
      sizesOfPieces,
      (seed, changes, sizes) => {
        const bytes = [...seed];
        for (const [at, value, how] of changes)
          bytes.splice(at % (bytes.length + 1), how === "insert" ? 0 : 1, ...(how === "cut" ? [] : [value]));
        const whole = read(Uint8Array.from(bytes), []);
        expect(read(Uint8Array.from(bytes), sizes)).toEqual(whole);
        expect("failure" in whole ? whole.failure : whole.status).toBeTruthy();
      },
    ),
    { numRuns: fuzzRuns },
  );
});

test("chunks of one byte with long heads do not go on for ever", () => {
  const reader = responseReader("GET", 1 << 20);
  const part = encodeUtf8(`1;${"x".repeat(4000)}\r\nx\r\n`.repeat(64));
  let result = reader.push(encodeUtf8("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
  let sent = 0;
  while (result === undefined) {
    result = reader.push(part);
    sent += part.length;
    expect(sent).toBeLessThan(20 << 20);
  }
  expect(result).toMatchObject({ kind: "refused" });
});
