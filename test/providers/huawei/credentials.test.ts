import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { huaweiCredentials } from "../../../src/providers/huawei/credentials.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "cloudimg-home-"));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

function writeFile(text: string): string {
  mkdirSync(join(home, ".huaweicloud"), { recursive: true });
  const path = join(home, ".huaweicloud", "credentials");
  writeFileSync(path, text);
  return path;
}

const file = "# mine\n[global]\nak = G\nsk = G\n[basic]\nak = F\nsk = f = f\nproject_id = p\n; iam_endpoint = x\n";

describe("where they come from", () => {
  test("the SDKs' variables come first, then Terraform's, then the file", () => {
    const path = writeFile(file);
    const terraform = { HW_ACCESS_KEY: "T", HW_SECRET_KEY: "t", HW_SECURITY_TOKEN: "tt", HW_REGION_NAME: "cn-east-3" };
    const sdk = {
      HUAWEICLOUD_SDK_AK: "S",
      HUAWEICLOUD_SDK_SK: "s",
      HUAWEICLOUD_SDK_PROJECT_ID: "p",
      HUAWEICLOUD_SDK_REGION: "r",
    };
    const of = (environment: Record<string, string>) => {
      const { accessKeyId, secretAccessKey, sessionToken, region, projectId, origin } = huaweiCredentials(
        environment,
        home,
      );
      return [accessKeyId, secretAccessKey, sessionToken, region, projectId, origin];
    };
    expect(of({ ...terraform, ...sdk })).toEqual(["S", "s", undefined, "r", "p", "HUAWEICLOUD_SDK_AK"]);
    expect(of({ ...terraform, HUAWEICLOUD_SDK_AK: "" })).toEqual([
      "T",
      "t",
      "tt",
      "cn-east-3",
      undefined,
      "HW_ACCESS_KEY",
    ]);
    expect(of({})).toEqual(["F", "f = f", undefined, undefined, "p", path]);
    expect(of({ HW_REGION_NAME: "cn-east-3" })).toEqual(["F", "f = f", undefined, "cn-east-3", "p", path]);
  });

  test.each([
    [{}, undefined, "there is no access key"],
    [{ HW_ACCESS_KEY: "T" }, undefined, "HW_ACCESS_KEY is set, but HW_SECRET_KEY is not"],
    [
      { HUAWEICLOUD_SDK_CREDENTIALS_FILE: "/nowhere/at/all" },
      undefined,
      "cannot read /nowhere/at/all: there is no such file",
    ],
    [{}, "[basic]\nak = F\n", "has no ak and sk below [basic]"],
  ])("what is missing is said: %j %j", (environment, text, message) => {
    if (text !== undefined) writeFile(text);
    expect(() => huaweiCredentials(environment, home)).toThrow(
      expect.objectContaining({ code: "cloud/no-credentials", message: expect.stringContaining(message) }),
    );
  });
});

test("they are never printed", () => {
  const credentials = huaweiCredentials(
    { HW_ACCESS_KEY: "T", HW_SECRET_KEY: "s3cret", HW_SECURITY_TOKEN: "t0ken" },
    home,
  );
  const printed = [
    String(credentials),
    `${credentials}`,
    JSON.stringify({ credentials }),
    inspect({ credentials }),
    inspect({ ...credentials }),
  ];
  for (const text of printed) expect(text).not.toMatch(/s3cret|t0ken/);
  expect(printed[0]).toBe("credentials of HW_ACCESS_KEY");
});
