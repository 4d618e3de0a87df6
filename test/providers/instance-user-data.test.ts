import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/guest-config/initializer/json-values.ts";
import { assemble } from "../../src/guest-config/user-data/assemble.ts";
import { splitUserData } from "../../src/guest-config/user-data/split-parts.ts";
import { instanceUserData } from "../../src/providers/instance-user-data.ts";
import { keptHostKey, keptRunKey } from "../../src/providers/journal-key.ts";
import { unpackingHost } from "../guest-config/user-data/unpacking-host.ts";
import { askCloudInit } from "../oracles/cloud-init.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-user-data-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const hostKey = await keptHostKey(directory);
const ours = {
  hostKey,
  consoleUrl: "http://b-1.cos.ap-x.myqcloud.com/cloudimg-console/1.txt?q-sign-time=1;2&x=%2F",
  authorizedKeys: ["ssh-ed25519 AAAA run"],
};
const ownConfig = {
  ssh_authorized_keys: ["ssh-ed25519 AAAA run"],
  ssh_keys: { ed25519_private: `${hostKey.privateKey.trim()}\n`, ed25519_public: hostKey.publicKeyLine.trim() },
  "x-cloudimg": { console_url: ours.consoleUrl },
};

/** Real cloud-init warns of each key that it does not know, and obeys the others. */
const problems = ["x-cloudimg: Additional properties are not allowed ('x-cloudimg' was unexpected)"];

/** What our guest makes of it. */
function read(bytes: Uint8Array | undefined) {
  const host = unpackingHost();
  const problems: string[] = [];
  const problem = (text: string) => void problems.push(text);
  const parts = splitUserData(new Uint8Array(bytes ?? []), { host, directory: "/i", problem });
  const { config, scripts } = assemble(parts, { host, problem });
  const texts = scripts.map(({ content }) => Buffer.from(content as Uint8Array).toString());
  return { config, scripts: texts, problems };
}

async function asCloudInit(bytes: Uint8Array | undefined) {
  const question = { ask: "user-data-config", base64: Buffer.from(bytes ?? []).toString("base64") };
  const [told] = await askCloudInit<{ config: JsonObject; problems: string[] }>([question]);
  return told?.answer ?? told?.error;
}

test("the host key of a run: the same after a crash, for nobody else to read", async () => {
  expect(await keptHostKey(directory)).toEqual(hostKey);
  expect(hostKey.publicKeyLine).toMatch(/^ssh-ed25519 /);
  expect((await keptRunKey(directory)).privateKey).not.toBe(hostKey.privateKey);
  expect(statSync(join(directory, "host-key")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(directory, "host-key"), "utf8")).toContain("OPENSSH PRIVATE KEY");
});

test("nothing to add: it stays as it is", () => {
  const given = Buffer.from("anything");
  expect(instanceUserData({ given })).toBe(given);
  expect(instanceUserData({})).toBeUndefined();
  expect(Buffer.from(instanceUserData({ given: "text", authorizedKeys: [] }) ?? "").toString()).toBe("text");
});

test("ours alone is cloud-config, to real cloud-init too", async () => {
  const bytes = instanceUserData(ours);
  expect(read(bytes)).toEqual({ config: ownConfig, scripts: [], problems: [] });
  expect(await asCloudInit(bytes)).toEqual({ config: ownConfig, problems });
});

const multipart =
  'Content-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/cloud-config\n\n#cloud-config\nlocale: C\n--x--\n';
const givens: readonly [string, string | Uint8Array, JsonObject, string[]][] = [
  ["cloud-config", "#cloud-config\nlocale: C\nhostname: ü\n", { locale: "C", hostname: "ü" }, []],
  ["a script", "#!/bin/sh\necho ü\n", {}, ["#!/bin/sh\necho ü\n"]],
  ["a long line", `#!/bin/sh\n#${"x".repeat(2000)}\n`, {}, [`#!/bin/sh\n#${"x".repeat(2000)}\n`]],
  ["parts", multipart, { locale: "C" }, []],
  ["parts of ours", instanceUserData({ given: multipart, authorizedKeys: [] }) ?? "", { locale: "C" }, []],
  ["something compressed", gzipSync("#cloud-config\nlocale: C\n"), { locale: "C" }, []],
];

describe("beside what the owner has written", () => {
  test.each(givens)("%s", async (_, given, config, scripts) => {
    const bytes = instanceUserData({ ...ours, given });
    expect(read(bytes)).toEqual({ config: { ...config, ...ownConfig }, scripts, problems: [] });
    expect(await asCloudInit(bytes)).toEqual({ config: { ...config, ...ownConfig }, problems });
  });

  test("keys are added, the host key is ours, other settings are left", async () => {
    const given =
      "#cloud-config\nssh_authorized_keys: [ssh-rsa BBBB me]\nssh_keys: {ed25519_private: x, rsa_private: y}\nusers: [default]\n";
    const config = {
      ...ownConfig,
      ssh_authorized_keys: ["ssh-rsa BBBB me", "ssh-ed25519 AAAA run"],
      ssh_keys: { ...ownConfig.ssh_keys, rsa_private: "y" },
      users: ["default"],
    };
    const bytes = instanceUserData({ ...ours, given });
    expect(read(bytes).config).toEqual(config);
    expect(await asCloudInit(bytes)).toMatchObject({ config });
  });

  test("whom the run logs in as is named beside the default user", async () => {
    const { authorizedKeys, hostKey } = ours;
    const user = { name: "admin", authorizedKeys };
    const given = "#cloud-config\nusers: [{name: ops}]\n";
    const users = ["default", { name: "admin", ssh_authorized_keys: authorizedKeys }];
    for (const [own, expected] of [
      [undefined, users],
      [given, [{ name: "ops" }, ...users]],
    ] as const) {
      const bytes = instanceUserData({ hostKey, user, given: own });
      expect(read(bytes).config).toMatchObject({ users: expected });
      expect(await asCloudInit(bytes)).toMatchObject({ config: { users: expected } });
    }
  });

  test("in two steps, as where a cloud has no key pairs of the kind", async () => {
    const { authorizedKeys, ...first } = ours;
    const given = "#cloud-config\nlocale: C\n";
    const bytes = instanceUserData({ given: instanceUserData({ ...first, given }), authorizedKeys });
    expect(read(bytes)).toEqual({ config: { locale: "C", ...ownConfig }, scripts: [], problems: [] });
    expect(await asCloudInit(bytes)).toEqual({ config: { locale: "C", ...ownConfig }, problems });
  });

  test("any script comes out as it went in", () => {
    const runs = { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 200) };
    const line = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constant("--==cloudimg-parts-1=="));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const given = `#!/bin/sh\n${lines.join("\n")}`;
        expect(read(instanceUserData({ ...ours, given })).scripts).toEqual([given]);
      }),
      runs,
    );
  });
});

test("plain text is not made longer than it must be", () => {
  const given = `#!/bin/sh\n${"echo hello\n".repeat(1000)}`;
  const sent = instanceUserData({ given, authorizedKeys: ours.authorizedKeys });
  expect((sent?.length ?? 0) - given.length).toBeLessThan(600);
});
