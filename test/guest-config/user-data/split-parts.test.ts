import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeUtf8 } from "../../../src/guest-config/initializer/bytes.ts";
import { assemble } from "../../../src/guest-config/user-data/assemble.ts";
import { splitUserData } from "../../../src/guest-config/user-data/split-parts.ts";
import { makeGuest } from "./guest.ts";
import { gunzipped } from "./inflate.ts";
import { damagedUserData, multipart } from "./random-user-data.ts";
import { unpackingHost } from "./unpacking-host.ts";

const runs = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300);

function split(userData: string | Uint8Array, host = unpackingHost()) {
  const problems: string[] = [];
  const raw = typeof userData === "string" ? new TextEncoder().encode(userData) : userData;
  const parts = splitUserData(raw, { host, directory: "/i", problem: (text) => problems.push(text) });
  const short = parts.map(({ contentType, fileName, payload }) => `${fileName} ${contentType} ${decodeUtf8(payload)}`);
  return { parts: short, problems };
}

describe("MIME", () => {
  test("parts within parts; the outer boundary ends the inner ones", () => {
    const inner = `Content-Type: multipart/alternative; boundary="B 2"\n\n--B 2\n\n#!/a\n--B 2\n\n#!/b`;
    expect(split(multipart(inner, "\n#!/c")).parts).toEqual([
      "part-001 text/x-shellscript #!/a",
      "part-002 text/x-shellscript #!/b",
      "part-003 text/x-shellscript #!/c",
    ]);
  });

  test.each([
    ["quoted-printable", "#!/x=0Aecho =C3=A9=\n!", "#!/x\necho é!"],
    ["base64", "IyEveApl\nY2hvIGhp\n", "#!/x\necho hi"],
    ["BASE64", "IyEveApl Y2hvIGhpZw", "#!/x\necho hig"],
    ["8bit", "#!/é", "#!/é"],
  ])("transfer encoding %s", (encoding, body, text) => {
    const part = `Content-Transfer-Encoding: ${encoding}\n\n${body}`;
    expect(split(multipart(part))).toEqual({ parts: [`part-001 text/x-shellscript ${text}`], problems: [] });
  });

  test("another transfer encoding is told", () => {
    expect(split(multipart("Content-Transfer-Encoding: x-uuencode\n\nx")).problems).toHaveLength(1);
  });

  test.each([
    ['attachment; filename="a b;c.sh"', "a b;c.sh"],
    ["attachment; filename=plain.sh", "plain.sh"],
    ['attachment; filename="q\\"uote"', 'q"uote'],
    ["attachment; filename*=utf-8''%e2%82%ac.sh", "€.sh"],
    ["attachment; filename*0=long; filename*1=er.sh", "longer.sh"],
    ["attachment;\n\tfilename=folded.sh", "folded.sh"],
  ])("Content-Disposition: %j", (value, name) => {
    expect(split(multipart(`Content-Disposition: ${value}\n\n#!/x`)).parts).toEqual([
      `${name} text/x-shellscript #!/x`,
    ]);
  });

  test("a charset counts where the bytes are no UTF-8", () => {
    const latin1 = Buffer.from(multipart("Content-Type: text/plain; charset=iso-8859-1\n\n#!/caf\xe9"), "latin1");
    expect(split(new Uint8Array(latin1)).parts).toEqual(["part-001 text/x-shellscript #!/café"]);
    const utf8 = multipart("Content-Type: text/plain; charset=iso-8859-1\n\n#!/café");
    expect(split(utf8).parts).toEqual(["part-001 text/x-shellscript #!/café"]);
  });

  test("a compressed part is unpacked and looked at again", () => {
    const body = gzipSync("#cloud-config\na: 1\n").toString("base64");
    const part = `Content-Type: application/x-gzip\nContent-Transfer-Encoding: base64\nMerge-Type: list(append)\n\n${body}`;
    expect(split(multipart(part)).parts).toEqual(["part-001 text/cloud-config #cloud-config\na: 1\n"]);
  });

  test("a declared type that is not vague counts", () => {
    expect(split(multipart("Content-Type: Text/Cloud-Config\n\na: 1")).parts).toEqual([
      "part-001 text/cloud-config a: 1",
    ]);
    expect(split(multipart("Content-Type: text/x-shellscript\n\n#cloud-config")).parts).toEqual([
      "part-001 text/cloud-config #cloud-config",
    ]);
  });

  test("a script that mentions MIME is one", () => {
    const text = "#!/bin/sh\necho MIME-Version: 1.0\n";
    expect(split(text).parts).toEqual([`part-001 text/x-shellscript ${text}`]);
  });

  test("no boundary, nesting without end and more parts than anybody needs are told", () => {
    expect(split("MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n#!/x").problems).toHaveLength(1);
    const nested = `MIME-Version: 1.0\n${"Content-Type: message/rfc822\n\n".repeat(100)}`;
    expect(split(nested).problems).toEqual(["parts within parts too deeply"]);
    const many = multipart(...Array<string>(600).fill("\n#!/x"));
    expect(split(many).parts).toHaveLength(500);
  });
});

describe("#include", () => {
  test("each line is an address; what is fetched is split in its turn", () => {
    const host = unpackingHost({
      "http://a/1": "#!/one",
      "http://a/2": "#include\nhttp://a/3\n",
      "http://a/3": "#!/three",
    });
    expect(split("#include\n# a remark\nhttp://a/1\n\nhttp://a/2\nhttp://a/none?token=s3cret\n", host)).toEqual({
      parts: ["part-001 text/x-shellscript #!/one", "part-002 text/x-shellscript #!/three"],
      problems: ["#include: cannot fetch http://a/none: HTTP 404"],
    });
  });

  test("#include-once is fetched once for an instance", () => {
    const host = unpackingHost({ "http://a/1": "#!/one", "http://a/2": "#!/two" });
    const text = "#include-once http://a/1\n#include http://a/2\n";
    expect(split(text, host)).toEqual(split(text, host));
    expect(host.fetched).toEqual(["http://a/1", "http://a/2", "http://a/2"]);
  });

  test("has an end", () => {
    const host = unpackingHost({ "http://a/self": `#include\n${"http://a/self\n".repeat(9)}` });
    const { problems } = split("#include\nhttp://a/self\n", host);
    expect(host.fetched.length).toBeLessThanOrEqual(50);
    expect(problems).toEqual(["#include within #include too deeply", "more than 50 addresses to include"]);
  });

  test("follows redirects, tries again after a 503, and gives up in time", () => {
    let now = 0;
    const urls: string[] = [];
    const host = {
      ...unpackingHost(),
      nowMs: () => now,
      sleepMs: (ms: number) => {
        now += ms;
      },
      fetch({ url }: { url: string }) {
        urls.push(url);
        now += 100;
        const body = new TextEncoder().encode("#!/x");
        if (url.endsWith("/moved")) return { status: 302, headers: { location: "../there" }, body };
        return { status: urls.length < 4 || url.endsWith("/never") ? 503 : 200, headers: {}, body };
      },
    };
    expect(split("#include http://h/a/moved", { ...host, fetched: [] }).parts).toEqual([
      "part-001 text/x-shellscript #!/x",
    ]);
    expect(urls.slice(0, 2)).toEqual(["http://h/a/moved", "http://h/a/../there"]);
    expect(split("#include http://h/never", { ...host, fetched: [] }).problems).toEqual([
      "#include: cannot fetch http://h/never: HTTP 503",
    ]);
    expect(now).toBeLessThan(40_000);
  });
});

describe("#cloud-config-archive", () => {
  test("texts and mappings", () => {
    const text = `#cloud-config-archive
- '#!/one'
- {content: '#!/two', filename: two.sh}
- {content: 'a: 1'}
- {content: !!binary AAEC}
- {content: x, type: text/x-other}
- 7
- {content: {a: 1}}
`;
    expect(split(text)).toEqual({
      parts: [
        "part-001 text/x-shellscript #!/one",
        "two.sh text/x-shellscript #!/two",
        "part-003 text/cloud-config a: 1",
        "part-004 application/octet-stream \0\x01\x02",
        "part-005 text/x-other x",
      ],
      problems: [
        "#cloud-config-archive: entry 6 is neither a text nor a mapping with content",
        "#cloud-config-archive: entry 7 is neither a text nor a mapping with content",
      ],
    });
  });
});

describe("gzip, by a real gunzip", () => {
  const withGuest = (raw: Uint8Array) => {
    const guest = makeGuest();
    try {
      return split(raw, { ...guest.host, fetched: [] });
    } finally {
      guest.remove();
    }
  };

  test("is unpacked", () => {
    expect(withGuest(gzipSync("#!/x")).parts).toEqual(["part-001 text/x-shellscript #!/x"]);
  });

  test("cut off or damaged: told", () => {
    const whole = gzipSync("#!/bin/sh\n".repeat(100));
    expect(withGuest(whole.subarray(0, 30)).problems).toEqual(["compressed part: the gzip data is damaged"]);
    expect(withGuest(Uint8Array.of(0x1f, 0x8b)).problems).toHaveLength(1);
  });

  test("64 MiB of zeros are not unpacked", () => {
    const bomb = gzipSync(Buffer.alloc(64 << 20));
    expect(withGuest(bomb).problems).toEqual(["compressed part: unpacks to more than 16 MiB"]);
  });
});

test("the inflater of these tests is one", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), fc.constantFrom(0, 1, 9), (bytes, level) => {
      const text = Buffer.concat([bytes, bytes, Buffer.from("abcabcabc".repeat(30))]);
      expect(gunzipped(gzipSync(text, { level }))).toEqual(new Uint8Array(text));
    }),
    { numRuns: 50 },
  );
});

test("changed at random, user data ends in parts and problems", () => {
  fc.assert(
    fc.property(damagedUserData, (text) => {
      const host = unpackingHost({ "http://a/1": text, "http://a/2": "#!/x" });
      const problem = (line: string) => expect(line).toMatch(/^[^\n]{1,300}$/);
      const parts = splitUserData(Buffer.from(text, "latin1"), { host, directory: "/i", problem });
      const { config } = assemble(parts, { host, problem });
      expect(JSON.stringify(config).length).toBeLessThan(100_000);
    }),
    { numRuns: runs },
  );
});
