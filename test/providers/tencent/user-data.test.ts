import { describe, expect, test } from "vitest";
import { mimeLeaves } from "../../../src/guest-config/user-data/mime.ts";
import { mostUserDataBytes, userDataWith } from "../../../src/providers/tencent/user-data.ts";

const rsa = "ssh-rsa AAAA run";
const ed = "ssh-ed25519 AAAA run";

function leaves(given: string | Uint8Array) {
  const problems: string[] = [];
  const sent = userDataWith(Buffer.from(given), ed);
  const found = mimeLeaves(Buffer.from(sent ?? "").toString("latin1"), (text) => problems.push(text));
  expect(problems).toEqual([]);
  return found.map(({ contentType, body, headers }) => ({ contentType, body, merge: headers.get("merge-type") }));
}

const keyLeaf = {
  contentType: "text/cloud-config",
  body: `#cloud-config\nssh_authorized_keys:\n  - "${ed}"\n`,
  merge: "list(append)+dict(recurse_array,recurse_str)+str()",
};

test("a key for a key pair leaves it as it is", () => {
  const given = Buffer.from("anything");
  expect(userDataWith(given, rsa)).toBe(given);
  expect(userDataWith(undefined, rsa)).toBeUndefined();
});

test("another key alone is cloud-config", () => {
  expect(Buffer.from(userDataWith(undefined, ed) ?? "").toString()).toBe(keyLeaf.body);
});

describe("another key is a part of its own, after", () => {
  test.each([
    ["text/cloud-config", "#cloud-config\nssh_authorized_keys: [other]\n"],
    ["text/x-shellscript", "#!/bin/sh\necho ü\n"],
    ["text/plain", "#include\nhttps://host.example/\n"],
  ])("%s", (contentType, text) => {
    const body = Buffer.from(text).toString("latin1");
    expect(leaves(text)).toEqual([{ contentType, body, merge: undefined }, keyLeaf]);
  });

  test("something compressed", () => {
    const given = Buffer.from([0x1f, 0x8b, 8, 0, 255]);
    expect(leaves(given)[0]).toMatchObject({ contentType: "application/gzip", body: given.toString("latin1") });
  });

  test("parts that are there already", () => {
    const text = 'Content-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/jinja2\n\nhello\n--x--\n';
    expect(leaves(text)).toEqual([{ contentType: "text/jinja2", body: "hello", merge: undefined }, keyLeaf]);
  });
});

test("what is too long is refused, by what is sent", () => {
  expect(userDataWith(Buffer.alloc(mostUserDataBytes), rsa)).toHaveLength(mostUserDataBytes);
  expect(() => userDataWith(Buffer.alloc(mostUserDataBytes), ed)).toThrow(/its user data has \d+ bytes/);
});
