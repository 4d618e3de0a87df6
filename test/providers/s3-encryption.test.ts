import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { storeDialects } from "../../src/providers/dialects.ts";
import { s3Store } from "../../src/providers/s3-store.ts";
import { credentialsOf, makeAccount } from "../../src/rehearsal/accounts.ts";
import { storeFixture } from "../rehearsal/object-store-fixture.ts";
import { loopback } from "./upload-fixture.ts";

const mib = 1024 * 1024;

test.each([
  ["tencent", "cos", "cos/kms"],
  ["alibaba", "oss", "KMS"],
  ["huawei", "obs", "kms"],
] as const)(
  "%s: a bucket that encrypts has ETags that are no MD5 sums, and says so by a header of its vendor",
  async (cloud, dialect, encryption) => {
    const region = { tencent: "ap-guangzhou", alibaba: "cn-hangzhou", huawei: "cn-north-4" }[cloud];
    const settings = { name: "vault-1250000000", region, storageClass: "STANDARD", acl: "private" } as const;
    const account = makeAccount(cloud);
    await using fixture = await storeFixture(dialect, {
      buckets: [{ ...settings, account: "1250000000", encryption }],
      accountOf: () => "1250000000",
      keys: { keyOf: () => account.key },
    });
    const directory = mkdtempSync(join(tmpdir(), "cloudimg-vault-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const path = join(directory, "disk.raw");
    const bytes = randomBytes(3 * mib);
    writeFileSync(path, bytes);
    const connection = loopback(fixture.store.port);
    const store = s3Store(storeDialects[cloud], credentialsOf(account, region), connection, { partSizeBytes: mib });
    const request = {
      ...{ path, sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") },
      ...{ bucket: settings.name, key: "cloudimg/disk.raw", statePath: join(directory, "state.json") },
      onProgress: () => {},
    };
    const context = { emit: () => {}, signal: AbortSignal.timeout(20_000) };
    await expect(store.upload(request, context as never)).resolves.toMatchObject({ existed: false });
  },
);
