import ssh2 from "ssh2";
import { expect, test } from "vitest";
import { makeRunKey } from "../../src/smoke/run-key.ts";

test("every key can be read again, with 32 bytes: one of 256 could not", async () => {
  const lengths = new Set<number | string>();
  for (let count = 0; count < 1500; count++) {
    const { privateKey, publicKeyLine } = await makeRunKey();
    const parsed = ssh2.utils.parseKey(privateKey);
    lengths.add(parsed instanceof Error ? parsed.message : parsed.type);
    lengths.add(Buffer.from(publicKeyLine.split(" ")[1] as string, "base64").length);
  }
  expect([...lengths]).toEqual(["ssh-ed25519", 51]);
});
