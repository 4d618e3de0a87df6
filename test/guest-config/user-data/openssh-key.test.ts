import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { dropbearKeyOf } from "../../../src/guest-config/user-data/openssh-key.ts";
import { makeRunKey } from "../../../src/smoke/run-key.ts";
import { oracle } from "../../oracles/tools.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-key-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const at = (name: string) => join(directory, name);

async function call(tool: string, ...args: string[]) {
  const [program = "", ...first] = await oracle(tool);
  return spawnSync(program, [...first, ...args], { encoding: "utf8" });
}

async function keygen(name: string, ...options: string[]): Promise<string> {
  const { status, stderr } = await call("ssh-keygen", "-q", "-f", at(name), ...options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return readFileSync(at(name), "utf8");
}

test("it is the file that dropbear's own program makes, and dropbear reads it", async () => {
  for (const [index, comment] of ["", "x", "me@host", "a longer comment of a key"].entries()) {
    const text = await keygen(`key-${index}`, "-t", "ed25519", "-N", "", "-C", comment);
    const made = at(`dropbear-${index}`);
    expect((await call("dropbearconvert", "openssh", "dropbear", at(`key-${index}`), made)).status).toBe(0);
    expect(Buffer.from(dropbearKeyOf(text) ?? [])).toEqual(readFileSync(made));
    writeFileSync(at("ours"), dropbearKeyOf(text) ?? "");
    const line = readFileSync(at(`key-${index}.pub`), "utf8")
      .split(" ", 2)
      .join(" ");
    expect((await call("dropbearkey", "-y", "-f", at("ours"))).stdout).toContain(line);
  }
});

test("keys of a run too", async () => {
  const { privateKey, publicKeyLine } = await makeRunKey();
  writeFileSync(at("run"), dropbearKeyOf(privateKey.replaceAll("\n", "\r\n")) ?? "");
  const { stdout } = await call("dropbearkey", "-y", "-f", at("run"));
  expect(stdout).toContain(publicKeyLine.split(" ", 2).join(" "));
});

test("other types, other formats and passphrases are none", async () => {
  expect(dropbearKeyOf(await keygen("ecdsa", "-t", "ecdsa", "-N", ""))).toBeUndefined();
  expect(dropbearKeyOf(await keygen("rsa", "-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"))).toBeUndefined();
  expect(dropbearKeyOf(await keygen("locked", "-t", "ed25519", "-N", "secret", "-a", "1"))).toBeUndefined();
});

test("a damaged one is none, or still a whole key", async () => {
  const text = await keygen("damaged", "-t", "ed25519", "-N", "");
  const [first = "", ...lines] = text.trim().split("\n");
  const body = Buffer.from(lines.slice(0, -1).join(""), "base64");
  const damage = fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  const cut = fc.nat(body.length);
  fc.assert(
    fc.property(damage, cut, (changes, length) => {
      const changed = Buffer.from(body);
      for (const [index, byte] of changes) changed[index] = byte;
      for (const bytes of [changed, body.subarray(0, length)]) {
        const made = dropbearKeyOf([first, bytes.toString("base64"), lines.at(-1)].join("\n"));
        expect([undefined, 83]).toContain(made?.length);
      }
    }),
    { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 500) },
  );
});
