import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { applyAuthorizedKeys, mergeKeys } from "../../src/guest-config/initializer/authorized-keys.ts";
import { decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from "../../src/guest-config/initializer/bytes.ts";
import { publicLine, readHostKeys } from "../../src/guest-config/initializer/host-keys.ts";
import { applyHostName, parseHostName, withHostsEntry } from "../../src/guest-config/initializer/identity.ts";
import { oneLine } from "../../src/guest-config/initializer/journal.ts";
import { keepInstance, readLastInstance } from "../../src/guest-config/initializer/last-instance.ts";
import { parseMetadata, publicKeys } from "../../src/guest-config/sources/openstack-metadata.ts";
import { oracle } from "../oracles/tools.ts";
import { conformanceSuite } from "./conformance.ts";
import { conformanceResult } from "./conformance-functions.ts";
import { nodeHost } from "./node-host.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-access-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

conformanceSuite("authorized-keys", ({ input, expected }) => {
  expect(conformanceResult("authorized-keys", input, {}).value).toBe(expected);
});

const conformance = (name: string) => {
  const path = fileURLToPath(new URL(`../../../shared/conformance/${name}.json`, import.meta.url));
  const { cases } = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : { cases: [] };
  return cases as { name: string; input: never; expected: unknown }[];
};

describe("authorized_keys", () => {
  const options = 'command="echo \\"no\\"",no-pty';
  test.each<[string, string, string[], Parameters<typeof mergeKeys>[2], string]>([
    [
      "a key as it is told now",
      'from="192.0.2.0/24" ssh-ed25519 AAAA one\n',
      ["ssh-ed25519 AAAA two"],
      {},
      "ssh-ed25519 AAAA two\n",
    ],
    [
      "one that is to stay as it is",
      "ssh-rsa AAAA one",
      ["ssh-rsa AAAA two", "ssh-rsa BBBB"],
      { keepsPresent: true },
      "ssh-rsa AAAA one\nssh-rsa BBBB\n",
    ],
    [
      "options for all",
      "",
      ["no-pty ssh-rsa AAAA a b", "ssh-rsa BBBB"],
      { options },
      `${options} ssh-rsa AAAA a b\n${options} ssh-rsa BBBB\n`,
    ],
    [
      "options of its own, with blanks and quotes",
      "",
      [`${options} ssh-rsa AAAA x`],
      undefined,
      `${options} ssh-rsa AAAA x\n`,
    ],
    [
      "line breaks of any kind",
      "",
      ["ssh-rsa AAAA a\r\nssh-rsa BBBB b\r\n\r\n# c"],
      undefined,
      "ssh-rsa AAAA a\nssh-rsa BBBB b\n",
    ],
    [
      "several on one line",
      "",
      ["ssh-rsa AAAA1 a b ssh-ed25519 AAAA2 ssh-ed25519 AAAA3 c"],
      undefined,
      "ssh-rsa AAAA1 a b\nssh-ed25519 AAAA2\nssh-ed25519 AAAA3 c\n",
    ],
    ["a key with another comment once only", "", ["ssh-rsa AAAA a", "ssh-rsa AAAA b"], undefined, "ssh-rsa AAAA a\n"],
    ["what is no key left out", "# x\n\nbroken", ["key", "-----BEGIN", "ssh-rsa"], undefined, "# x\n\nbroken\n"],
  ])("%s", (_, existing, keys, how, expected) => {
    expect(mergeKeys(existing, keys, how)).toBe(expected);
    expect(mergeKeys(expected, keys, how)).toBe(expected);
  });

  test("whatever the lines are: others stay, no key is there twice, it ends", () => {
    const word = fc.constantFrom(
      "ssh-rsa",
      "AAAA",
      "BBBB",
      " ",
      '"',
      "\\",
      ",",
      "command=",
      "# ",
      "\n",
      "\r",
      "sk-x@y",
      "ssh-",
    );
    const text = fc.array(word, { maxLength: 30 }).map((words) => words.join(""));
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 4 }), fc.boolean(), (existing, keys, keepsPresent) => {
        const merged = mergeKeys(existing, keys, { keepsPresent });
        if (keepsPresent) expect(`${merged}\n`.startsWith(existing)).toBe(true);
        expect(mergeKeys(merged, keys, { keepsPresent })).toBe(merged);
      }),
      { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 1000) },
    );
    expect(mergeKeys("", [`${'\\"'.repeat(8000)} x`, `ssh-rsa ${"A".repeat(1e6)}`])).toBe("");
  });

  const prepare = () => {
    mkdirSync(join(directory, "etc"));
    mkdirSync(join(directory, "home/me"), { recursive: true });
    const { uid, gid } = statSync(directory);
    writeFileSync(join(directory, "etc/passwd"), `me:x:${uid}:${gid}::/home/me:/bin/sh\nbroken line\n`);
    return nodeHost(directory);
  };

  test("are made with the modes that servers insist on, and a second time changes nothing", () => {
    const host = prepare();
    const keys = { me: ["ssh-ed25519 AAAA me"], nobody: ["ssh-ed25519 BBBB"] };
    const once = applyAuthorizedKeys(host, keys);
    expect(once).toEqual({ added: ["me"], problems: ["there is no user nobody to give a key to"] });
    const file = join(directory, "home/me/.ssh/authorized_keys");
    const before = statSync(file);
    expect([before.mode & 0o777, statSync(join(directory, "home/me/.ssh")).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(readFileSync(file, "utf8")).toBe("ssh-ed25519 AAAA me\n");
    applyAuthorizedKeys(host, keys);
    expect(statSync(file).ino).toBe(before.ino);
  });

  test("a link that a user has put in the way is not followed", () => {
    const host = prepare();
    mkdirSync(join(directory, "root/.ssh"), { recursive: true });
    symlinkSync(join(directory, "root/.ssh"), join(directory, "home/me/.ssh"));
    expect(applyAuthorizedKeys(host, { me: ["ssh-ed25519 AAAA"] }).problems).toEqual([
      "/home/me/.ssh is not a directory",
    ]);
    expect(existsSync(join(directory, "root/.ssh/authorized_keys"))).toBe(false);
  });
});

describe("meta_data.json", () => {
  test.for(conformance("ssh-public-keys").filter(({ name }) => !name.includes("aliyun")))(
    "$name (skipped where the corpus is not beside the project)",
    ({ input, expected }) => {
      expect(publicKeys(input)).toEqual((expected as string[]).map((line) => line.trim()));
    },
  );

  test("keys that name no user are whoever's the default user is", () => {
    const document = { uuid: "i", public_keys: { a: "ssh-rsa A" } };
    expect(parseMetadata(document)).toMatchObject({ publicKeys: ["ssh-rsa A"] });
    const named = parseMetadata({ ...document, meta: { cloudimg_user: "web" } });
    expect(named).toMatchObject({ publicKeys: ["ssh-rsa A"], defaultUser: "web" });
  });

  test("no JSON makes the reader throw", () => {
    const keys = fc.constantFrom(
      "uuid",
      "hostname",
      "public_keys",
      "meta",
      "random_seed",
      "cloudimg_user",
      "cloudimg_authorized_keys",
    );
    const document = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(keys, fc.oneof(fc.jsonValue(), fc.dictionary(keys, fc.jsonValue()))),
    );
    fc.assert(
      fc.property(document, (value) => void parseMetadata(value)),
      { numRuns: 1000 },
    );
  });
});

describe("host keys", () => {
  test.each(["ed25519", "ecdsa", "rsa"])("the public half of dropbear's %s key", async (type) => {
    const path = join(directory, type);
    const [program = "", ...first] = await oracle("dropbearkey");
    const { stdout } = spawnSync(program, [...first, "-t", type, "-f", path], { encoding: "utf8" });
    const line = /^(?:ssh|ecdsa)-\S+ \S+/m.exec(stdout)?.[0];
    expect(line).toMatch(/^\S+ AAAA/);
    const file = new Uint8Array(readFileSync(path));
    expect(publicLine(file)).toBe(line);
    for (let length = 0; length < file.length - 1; length++) publicLine(file.slice(0, length));

    // What was said of another key counts for nothing; a disk that takes nothing keeps nobody from knowing.
    const fingerprint = /^Fingerprint: (\S+)/m.exec(stdout)?.[1];
    const host = nodeHost(directory);
    const key = `/etc/dropbear/dropbear_${type}_host_key`;
    const log = `/run/cloudimg/dropbearkey.${type}.log`;
    for (const folder of ["/etc/dropbear", "/run/cloudimg"]) host.makeDirectory(folder, 0o755);
    host.writeFile(key, file, 0o600);
    host.writeFile(log, "ssh-ed25519 AAAAother me\nFingerprint: SHA256:other\n", 0o600);
    host.start = ({ argv }) => {
      expect(argv).toEqual(["/usr/bin/dropbearkey", "-y", "-f", key]);
      host.remove(log);
      host.writeFile(log, stdout, 0o600);
      return { poll: () => 0, kill: () => {} };
    };
    writeFileSync(join(directory, "var"), "");
    expect(readHostKeys(host)).toEqual([{ line, fingerprint }]);
    host.start = () => expect.unreachable("it is known");
    expect(readHostKeys(host)).toEqual([{ line, fingerprint }]);
  });
});

describe("host name", () => {
  test.each([
    ["web-1", "web-1", "web-1"],
    ["web-1.example.org", "web-1", "web-1.example.org"],
    ["vm.novalocal", "vm", "vm"],
    ["host.example.org.", "host", "host.example.org"],
  ])("%s", (text, short, full) => {
    expect(parseHostName(text)).toEqual({ short, full });
  });

  test.each(["", "-a", "a b", "a\nb", "a..b", "$(reboot)", "x".repeat(64), "größe"])("%j is none", (text) => {
    expect(parseHostName(text)).toBeUndefined();
  });

  test("/etc/hosts keeps its other lines and gets one entry", () => {
    const name = { short: "web-1", full: "web-1.example.org" };
    const once = withHostsEntry("127.0.0.1\tlocalhost\n::1\tlocalhost\n", name);
    expect(once).toBe("127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\tweb-1.example.org web-1\n");
    expect(withHostsEntry(once, name)).toBe(once);
    expect(withHostsEntry("127.0.1.1 old\n10.0.0.1 x\n", { short: "new", full: "new" })).toBe(
      "127.0.1.1\tnew\n10.0.0.1 x\n",
    );
  });

  test("is written for the running system and for the next boot", () => {
    mkdirSync(join(directory, "proc/sys/kernel"), { recursive: true });
    mkdirSync(join(directory, "etc"));
    writeFileSync(join(directory, "proc/sys/kernel/hostname"), "");
    expect(applyHostName(nodeHost(directory), { short: "a", full: "a.b" })).toEqual([]);
    expect(
      ["proc/sys/kernel/hostname", "etc/hostname"].map((path) => readFileSync(join(directory, path), "utf8")),
    ).toEqual(["a", "a\n"]);
  });
});

test("base64 and UTF-8 are as Node has them", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
      expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
      const good = new TextEncoder().encode(new TextDecoder().decode(bytes));
      expect(decodeUtf8(good)).toBe(new TextDecoder("utf-8", { ignoreBOM: true }).decode(good));
      decodeUtf8(bytes);
    }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constant("\ud800x")), (text) => {
      expect(encodeUtf8(text)).toEqual(new TextEncoder().encode(text));
    }),
  );
  expect(decodeBase64("not base64!")).toBeUndefined();
  expect(decodeUtf8(new TextEncoder().encode(`${"x".repeat(9000)}größe 🐘`))).toBe(`${"x".repeat(9000)}größe 🐘`);
});

test("text from a drive cannot forge lines on the console", () => {
  expect(oneLine("a\nssh-ed25519 AAAA\x1b[2Jb")).toBe("a ssh-ed25519 AAAA [2Jb");
});

test("the last instance is kept, and a damaged record is none", () => {
  const host = nodeHost(directory);
  expect(readLastInstance(host)).toBeUndefined();
  keepInstance(host, { instanceId: "i-1", hostname: "a" });
  expect(readLastInstance(host)).toEqual({ instanceId: "i-1", hostname: "a" });
  host.writeFile("/var/lib/cloudimg/instance.json", '{"instanceId": 7', 0o600);
  expect(readLastInstance(host)).toBeUndefined();
});
