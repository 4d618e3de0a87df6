import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodePath,
  encodeQuery,
  type SignableRequest,
  sdkDate,
  signHeaders,
} from "../../../src/providers/huawei/sign.ts";

// The key of the guide's examples, which is nobody's.
const key = { accessKeyId: "QTWAOYTTINDUT2QVKYUC", secretAccessKey: "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc" };
const nowMs = Date.UTC(2019, 10, 15, 3, 36, 55);

describe("the worked examples of Huawei Cloud's API Request Signing Guide and of its SDKs' tests", () => {
  const request: SignableRequest = {
    method: "GET",
    host: "service.region.example.com",
    path: "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs",
    query: [],
    headers: { "content-type": "application/json" },
    body: "",
  };

  test("with a query (guide, sections 3 to 5)", () => {
    const query = [
      ["marker", "13551d6b-755d-4757-b956-536f674975c0"],
      ["limit", "2"],
    ] as const;
    expect(signHeaders({ ...request, query }, key, nowMs)).toEqual({
      "content-type": "application/json",
      "x-sdk-date": "20191115T033655Z",
      authorization:
        "SDK-HMAC-SHA256 Access=QTWAOYTTINDUT2QVKYUC, SignedHeaders=content-type;host;x-sdk-date, Signature=7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe",
    });
  });

  test("without one (Java SDK, TestAKSKSigner)", () => {
    const host = "service.test-region-1.myhuaweicloud.com";
    expect(signHeaders({ ...request, host }, key, nowMs)["authorization"]).toBe(
      "SDK-HMAC-SHA256 Access=QTWAOYTTINDUT2QVKYUC, SignedHeaders=content-type;host;x-sdk-date, Signature=4a30e690c3032a1975323588d79e858f188834f91df411a47ada7def6ad8081f",
    );
  });

  test("every character of ASCII is encoded as they do", () => {
    const all = Array.from({ length: 0x80 }, (_, code) => String.fromCharCode(code));
    const kept = all.filter((char) => encodeQuery([[char, ""]]) === `${char}=`).join("");
    expect(kept).toBe("-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
    expect(encodeQuery([["*'()! +", "é"]])).toBe("%2A%27%28%29%21%20%2B=%C3%A9");
    expect(encodePath("/v1/a b/ü*/")).toBe("/v1/a%20b/%C3%BC%2A/");
  });
});

/** Another reading of the same guide: from what goes over the wire, as a gateway would check it. */
function signatureOfWire(
  wire: { method: string; target: string; headers: Record<string, string>; body: string },
  secret: string,
): string {
  const url = new URL(`http://unused${wire.target}`);
  const sha256 = (text: string) => createHash("sha256").update(text, "utf8").digest("hex");
  const names = /SignedHeaders=([^,]*)/.exec(wire.headers["authorization"] ?? "")?.[1]?.split(";") ?? [];
  let text = `${wire.method.toUpperCase()}\n${url.pathname.replace(/\/*$/, "/")}\n`;
  text += wire.target
    .split("?")
    .slice(1)
    .join("?")
    .split("&")
    .filter((part) => part !== "")
    .map((part) => (part.includes("=") ? part : `${part}=`))
    .sort((one, other) => {
      const [a, b] = [one.split("="), other.split("=")] as [[string, string], [string, string]];
      if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1;
      return a[1] < b[1] ? -1 : 1;
    })
    .join("&");
  text += "\n";
  for (const name of names) text += `${name}:${(wire.headers[name] ?? "").trim()}\n`;
  text += `\n${names.join(";")}\n${sha256(wire.body)}`;
  const mac = createHmac("sha256", secret);
  mac.update("SDK-HMAC-SHA256\n").update(`${wire.headers["x-sdk-date"]}\n`).update(sha256(text));
  return mac.digest("hex");
}

test("an implementation of its own, from the wire, agrees whatever is asked", () => {
  const word = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }).filter((text) => !/[/?#]|^\.+$/.test(text));
  fc.assert(
    fc.property(
      fc.array(word, { maxLength: 4 }),
      fc.array(fc.tuple(word, fc.string({ unit: "grapheme" })), { maxLength: 4 }),
      fc.string(),
      fc.option(fc.constant("token"), { nil: undefined }),
      (segments, query, body, sessionToken) => {
        const request: SignableRequest = {
          method: "POST",
          host: "ims.cn-north-4.myhuaweicloud.com",
          path: `/${segments.join("/")}`,
          query,
          headers: { "content-type": "application/json", "X-Client-Token": " spaced " },
          body,
        };
        const headers = signHeaders(request, { ...key, sessionToken }, nowMs);
        const wire = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
        const target = `${encodePath(request.path)}?${encodeQuery(query)}`;
        const expected = signatureOfWire(
          { method: "POST", target, headers: { ...wire, host: request.host }, body },
          key.secretAccessKey,
        );
        expect(headers["authorization"]).toMatch(new RegExp(`Signature=${expected}$`));
        const token = sessionToken === undefined ? "" : ";x-security-token";
        const names = `content-type;host;x-client-token;x-sdk-date${token}`;
        expect(headers["authorization"]).toContain(`SignedHeaders=${names},`);
      },
    ),
  );
});

test("the date is of the second, in UTC", () => {
  expect(sdkDate(Date.UTC(2026, 0, 2, 3, 4, 5, 999))).toBe("20260102T030405Z");
});
