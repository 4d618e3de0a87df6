import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { alibabaCredentials } from "../../../src/providers/alibaba/credentials.ts";
import { temporaryDirectory } from "../../machine/support.ts";

function home(files: Readonly<Record<string, string>> = {}): string {
  const directory = temporaryDirectory();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

const config = (profiles: readonly object[], current = "default") => JSON.stringify({ current, profiles });
const ak = (id: string, more: object = {}) => ({
  name: "default",
  mode: "AK",
  access_key_id: id,
  access_key_secret: `${id} secret`,
  ...more,
});
const environment = {
  ALIBABA_CLOUD_ACCESS_KEY_ID: "env",
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: "env secret",
  ALICLOUD_ACCESS_KEY: "terraform",
  ALICLOUD_SECRET_KEY: "terraform secret",
};
const ini = "[default]\ntype = access_key\naccess_key_id = sdk\naccess_key_secret = sdk secret\n";
const files = {
  ".aliyun/config.json": config([ak("cli", { region_id: "cn-beijing" })]),
  ".alibabacloud/credentials": ini,
};

describe("the first place that has keys counts", () => {
  const found = (variables: Record<string, string>, at = files as Record<string, string>) => {
    const { accessKeyId, secretAccessKey, region } = alibabaCredentials(variables, home(at));
    return { accessKeyId, secretAccessKey, region };
  };

  test.each([
    ["the vendor's variables", environment, files, "env"],
    ["Terraform's", { ALICLOUD_ACCESS_KEY: "terraform", ALICLOUD_SECRET_KEY: "terraform secret" }, files, "terraform"],
    ["the command line's file", {}, files, "cli"],
    ["the SDK's file", {}, { ".alibabacloud/credentials": ini }, "sdk"],
    ["the command line's file is turned off", { ALIBABA_CLOUD_CLI_PROFILE_DISABLED: "true" }, files, "sdk"],
    [
      "a profile of the command line",
      { ALIBABA_CLOUD_PROFILE: "two" },
      {
        ".aliyun/config.json": config([ak("one"), ak("two", { name: "two" })]),
      },
      "two",
    ],
    [
      "a section of the SDK's file",
      { ALIBABA_CLOUD_PROFILE: "two" },
      {
        ".alibabacloud/credentials": `${ini}[two]\naccess_key_id=two\naccess_key_secret=two secret\n`,
      },
      "two",
    ],
  ])("%s", (_, variables, at, id) => {
    expect(found(variables, at)).toMatchObject({ accessKeyId: id, secretAccessKey: `${id} secret` });
  });

  test("a region from beside the keys, unless the environment says another", () => {
    expect(found({}).region).toBe("cn-beijing");
    expect(found({ ALIBABA_CLOUD_REGION: "cn-hangzhou" }).region).toBe("cn-hangzhou");
    expect(found(environment).region).toBeUndefined();
  });

  test("a file that a variable names", () => {
    const directory = home({ elsewhere: ini });
    const variables = { ALIBABA_CLOUD_CREDENTIALS_FILE: join(directory, "elsewhere") };
    expect(alibabaCredentials(variables, home()).accessKeyId).toBe("sdk");
  });
});

test("a token belongs to the keys of its own place", () => {
  const variables = { ALIBABA_CLOUD_SECURITY_TOKEN: "stray" };
  expect(alibabaCredentials(variables, home(files)).sessionToken).toBeUndefined();
  expect(alibabaCredentials({ ...environment, ...variables }, home()).sessionToken).toBe("stray");
  const sts = { ".aliyun/config.json": config([ak("cli", { mode: "StsToken", sts_token: "own" })]) };
  expect(alibabaCredentials({}, home(sts)).sessionToken).toBe("own");
});

test.each([
  ["nothing anywhere", {}, {}, "no credentials were found"],
  ["an id without a secret", { ALIBABA_CLOUD_ACCESS_KEY_ID: "env" }, {}, "has no secret"],
  [
    "a mode that needs another service",
    {},
    { ".aliyun/config.json": config([ak("x", { mode: "RamRoleArn" })]) },
    "mode RamRoleArn",
  ],
  ["a broken file", {}, { ".aliyun/config.json": '{"access_key_secret": "hush' }, "is not JSON"],
  [
    "a type that needs another service",
    {},
    { ".alibabacloud/credentials": "[default]\ntype=ecs_ram_role\n" },
    "type ecs_ram_role",
  ],
  ["a named file that is not there", { ALIBABA_CLOUD_CREDENTIALS_FILE: "/nonexistent/x" }, {}, "there is no such file"],
])("%s", (_, variables, at, words) => {
  const read = () => alibabaCredentials(variables, home(at));
  expect(read).toThrow(
    expect.objectContaining({ code: "cloud/no-credentials", message: expect.stringContaining(words) }),
  );
  expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining("hush") }));
});

test("keys are never printed", () => {
  const credentials = alibabaCredentials(environment, home());
  const printed = [String(credentials), JSON.stringify(credentials), inspect(credentials, { showHidden: true })].join();
  expect(printed).not.toContain("env secret");
  expect(printed).toContain("ALIBABA_CLOUD_ACCESS_KEY_ID");
});
