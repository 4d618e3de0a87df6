import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { tencentCredentials } from "../../../src/providers/tencent/credentials.ts";
import { temporaryDirectory } from "../../machine/support.ts";

const environment = { TENCENTCLOUD_SECRET_ID: "AKIDenv", TENCENTCLOUD_SECRET_KEY: "key-env" };
const sdkFile = "[default]\nsecret_id = AKIDsdk\nsecret_key = key-sdk\n";
const cliFiles = {
  ".tccli/default.credential": JSON.stringify({ secretId: "AKIDcli", secretKey: "key-cli", token: "token-cli" }),
  ".tccli/default.configure": JSON.stringify({ _sys_param: { region: "ap-shanghai" } }),
};

function placesWith(files: Record<string, string>) {
  const home = temporaryDirectory();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  }
  return { home, systemFile: join(home, "etc-credentials") };
}

describe("the order of places", () => {
  const all = {
    ...cliFiles,
    ".tencentcloud/credentials": sdkFile,
    "etc-credentials": sdkFile.replaceAll("sdk", "etc"),
  };

  test("the environment comes first, without a token from elsewhere", () => {
    const found = tencentCredentials(environment, placesWith(all));
    expect(found.accessKeyId).toBe("AKIDenv");
    expect(found.sessionToken).toBeUndefined();
    expect(found.region).toBeUndefined();
  });

  test("then tccli's profile, with its region", () => {
    const found = tencentCredentials({}, placesWith(all));
    expect([found.accessKeyId, found.secretAccessKey, found.sessionToken, found.region]).toEqual([
      "AKIDcli",
      "key-cli",
      "token-cli",
      "ap-shanghai",
    ]);
  });

  test("then the SDK's file of the user, then the system's", () => {
    const { [".tccli/default.credential"]: _, ...noCli } = all;
    expect(tencentCredentials({}, placesWith(noCli)).accessKeyId).toBe("AKIDsdk");
    expect(tencentCredentials({}, placesWith({ "etc-credentials": sdkFile })).accessKeyId).toBe("AKIDsdk");
  });

  test.each(["TENCENTCLOUD_SESSION_TOKEN", "TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"])("%s", (name) => {
    const found = tencentCredentials({ ...environment, [name]: "token" }, placesWith({}));
    expect(found.sessionToken).toBe("token");
  });

  test("the region of the environment wins", () => {
    const found = tencentCredentials({ TENCENTCLOUD_REGION: "ap-tokyo" }, placesWith(cliFiles));
    expect(found.region).toBe("ap-tokyo");
  });

  test("another profile of tccli", () => {
    const files = { ".tccli/work.credential": JSON.stringify({ secretId: "AKIDwork", secretKey: "k" }) };
    expect(tencentCredentials({ TCCLI_PROFILE: "work" }, placesWith(files)).accessKeyId).toBe("AKIDwork");
  });
});

test.each([
  ["nowhere", {}, {}, /no credentials were found/],
  ["half of it", { TENCENTCLOUD_SECRET_ID: "AKID" }, {}, /no SecretKey/],
  ["a broken file", {}, { ".tccli/default.credential": '{"secretId": "AKIDhidden' }, /not JSON/],
])("%s is an explained error", (_, variables, files, message) => {
  const attempt = () => tencentCredentials(variables, placesWith(files as Record<string, string>));
  expect(attempt).toThrow(message);
  expect(attempt).toThrow(expect.objectContaining({ code: "cloud/no-credentials" }));
  expect(attempt).not.toThrow(/AKIDhidden/);
});

test("secrets are not printed", () => {
  const found = tencentCredentials({ ...environment, TENCENTCLOUD_TOKEN: "token-env" }, placesWith({}));
  const printed = [String(found), JSON.stringify(found), inspect(found), JSON.stringify({ ...found })].join("\n");
  expect(printed).not.toMatch(/AKIDenv|key-env|token-env/);
  expect(printed).toContain("TENCENTCLOUD_SECRET_ID");
});
