import { expect, test } from "vitest";
import { publicMetadata } from "../../../src/guest-config/sources/public-metadata.ts";

test("what anybody may see has no secrets, whatever they are called and wherever they are", () => {
  const secrets = {
    ...{ admin_pass: "x1", passwd: "x2", "root-password": "x3", db_pwd: "x4", apiKey: "x5", "access-key": "x6" },
    ...{ random_seed: "x7", "security-credentials": { role: { a: "x8" } }, session_token: "x9", "user-data": "x10" },
    ...{ note: "-----BEGIN OPENSSH PRIVATE KEY-----\nx11\n", url: "http://me:x12@192.0.2.1/a", private_key: "x13" },
  };
  const plain = { uuid: "i-1", public_keys: { a: "ssh-ed25519 AAAA" }, seedfrom: "/x", keyboard: "de", passive: true };
  const shown = publicMetadata({ ...plain, ...secrets, meta: secrets, list: [secrets] });
  expect(JSON.stringify(shown)).not.toMatch(/x\d/);
  expect(shown).toMatchObject({ ...plain, url: "http://192.0.2.1/a" });
});
