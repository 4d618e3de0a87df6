import { homedir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { fail } from "../../core/errors.ts";
import { readCredentialFile } from "../credential-file.ts";
import type { Credentials } from "../credentials.ts";
import { readIni } from "../ini.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Names of one family of programs, in the order in which users of the cloud expect them to count. */
interface Family {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly region: string;
  readonly projectId: string;
}

const families: readonly Family[] = [
  // The vendor's SDKs.
  {
    accessKeyId: "HUAWEICLOUD_SDK_AK",
    secretAccessKey: "HUAWEICLOUD_SDK_SK",
    sessionToken: "HUAWEICLOUD_SDK_SECURITY_TOKEN",
    region: "HUAWEICLOUD_SDK_REGION",
    projectId: "HUAWEICLOUD_SDK_PROJECT_ID",
  },
  // Terraform and Packer.
  {
    accessKeyId: "HW_ACCESS_KEY",
    secretAccessKey: "HW_SECRET_KEY",
    sessionToken: "HW_SECURITY_TOKEN",
    region: "HW_REGION_NAME",
    projectId: "HW_PROJECT_ID",
  },
];

const ways =
  "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or HW_ACCESS_KEY and HW_SECRET_KEY, or write ak and sk below [basic] in ~/.huaweicloud/credentials";

/**
 * From the environment, else from the file that the vendor's SDKs read (`$HUAWEICLOUD_SDK_CREDENTIALS_FILE`, `~/.huaweicloud/credentials`). What the
 * command line tool `hcloud` keeps is encrypted: nothing but it can read that.
 *
 * Errors: `cloud/no-credentials`
 */
export function huaweiCredentials(environment: Environment, home: string = homedir()): Credentials {
  for (const family of families) {
    const value = (name: keyof Family) => given(environment[family[name]]);
    const accessKeyId = value("accessKeyId");
    const secretAccessKey = value("secretAccessKey");
    if (accessKeyId === undefined && secretAccessKey === undefined) continue;
    if (accessKeyId === undefined || secretAccessKey === undefined) {
      const [there, missing] =
        accessKeyId === undefined
          ? [family.secretAccessKey, family.accessKeyId]
          : [family.accessKeyId, family.secretAccessKey];
      fail("cloud/no-credentials", `cannot log in to Huawei Cloud: ${there} is set, but ${missing} is not`, {
        hint: `set ${missing}, or remove ${there}`,
      });
    }
    const [sessionToken, region, projectId] = [value("sessionToken"), value("region"), value("projectId")];
    return makeCredentials({
      accessKeyId,
      secretAccessKey,
      sessionToken,
      region,
      projectId,
      origin: family.accessKeyId,
    });
  }
  return fromFile(environment, home);
}

function fromFile(environment: Environment, home: string): Credentials {
  const named = given(environment["HUAWEICLOUD_SDK_CREDENTIALS_FILE"]);
  const path = named ?? join(home, ".huaweicloud", "credentials");
  const text = readCredentialFile(path);
  if (text === undefined) {
    if (named !== undefined) fail("cloud/no-credentials", `cannot read ${path}: there is no such file`, { hint: ways });
    fail("cloud/no-credentials", "cannot log in to Huawei Cloud: there is no access key", { hint: ways });
  }
  const basic = readIni(text).get("basic");
  const accessKeyId = given(basic?.get("ak"));
  const secretAccessKey = given(basic?.get("sk"));
  if (accessKeyId === undefined || secretAccessKey === undefined)
    fail("cloud/no-credentials", `cannot log in to Huawei Cloud: ${path} has no ak and sk below [basic]`, {
      hint: ways,
    });
  const region = families.map((family) => given(environment[family.region])).find((name) => name !== undefined);
  const [sessionToken, projectId] = [given(basic?.get("security_token")), given(basic?.get("project_id"))];
  return makeCredentials({ accessKeyId, secretAccessKey, sessionToken, region, projectId, origin: path });
}

/** Shows its origin only, however it is printed. */
export function makeCredentials(credentials: Omit<Credentials, "toString">): Credentials {
  const { origin } = credentials;
  const told = `credentials of ${origin}`;
  const hidden = (value: unknown) => ({ value, enumerable: false });
  return Object.defineProperties({ ...credentials } as Credentials, {
    secretAccessKey: hidden(credentials.secretAccessKey),
    sessionToken: hidden(credentials.sessionToken),
    toString: hidden(() => told),
    toJSON: hidden(() => told),
    [inspect.custom]: hidden(() => told),
  });
}

function given(text: string | undefined): string | undefined {
  const value = text?.trim();
  return value === "" ? undefined : value;
}
