import { homedir } from "node:os";
import { join } from "node:path";
import { fail } from "../../core/errors.ts";
import { readCredentialFile } from "../credential-file.ts";
import { type Credentials, conceal } from "../credentials.ts";
import { readIni } from "../ini.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The vendor's own names, and those of its Terraform provider. */
const variables = [
  {
    id: "ALIBABA_CLOUD_ACCESS_KEY_ID",
    secret: "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    token: "ALIBABA_CLOUD_SECURITY_TOKEN",
  },
  { id: "ALICLOUD_ACCESS_KEY", secret: "ALICLOUD_SECRET_KEY", token: "ALICLOUD_SECURITY_TOKEN" },
] as const;

/** `type` of the SDK's file whose keys can be used as they are. */
const plainTypes = ["access_key", "sts"];
/** `mode` of the command line's file, likewise. The others ask a service for keys that are not in the file. */
const plainModes = ["AK", "StsToken"];

/**
 * Finds keys where Alibaba's own tools look, in their order: the environment, the profile of its command line (`aliyun configure`), the SDK's file. The first
 * place that has keys counts, whole: a token of one place never joins the keys of another.
 *
 * Errors: `cloud/no-credentials`
 */
export function alibabaCredentials(environment: Environment, home: string = homedir()): Credentials {
  const found = fromEnvironment(environment) ?? fromCommandLine(environment, home) ?? fromSdkFile(environment, home);
  if (found !== undefined) {
    const region = environment["ALIBABA_CLOUD_REGION"] || environment["ALICLOUD_REGION"] || found.region;
    return conceal({ ...found, ...(region === undefined ? {} : { region }) });
  }
  fail("cloud/no-credentials", "cannot reach Alibaba Cloud: no credentials were found", {
    hint: "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (keys: https://ram.console.aliyun.com/manage/ak), or run aliyun configure",
  });
}

function fromEnvironment(environment: Environment): Credentials | undefined {
  for (const { id, secret, token } of variables) {
    const keys = keysOf(id, { id: environment[id], secret: environment[secret], token: environment[token] });
    if (keys !== undefined) return keys;
  }
  return undefined;
}

/** JSON: `{"current": "default", "profiles": [{"name", "mode", "access_key_id", "access_key_secret", "sts_token", "region_id"}]}`. */
function fromCommandLine(environment: Environment, home: string): Credentials | undefined {
  if (/^(true|1)$/i.test(environment["ALIBABA_CLOUD_CLI_PROFILE_DISABLED"] ?? "")) return undefined;
  const path = join(home, ".aliyun", "config.json");
  const text = readCredentialFile(path);
  if (text === undefined) return undefined;
  const { current, profiles } = parseConfig(path, text);
  const wanted = environment["ALIBABA_CLOUD_PROFILE"];
  const name = wanted || (typeof current === "string" ? current : "default");
  const profile = (Array.isArray(profiles) ? profiles : []).find((one) => one?.name === name);
  // A name that was asked for may be one of the SDK's file.
  if (profile === undefined) return undefined;
  const origin = `${path}, profile ${name}`;
  const { mode, access_key_id: id, access_key_secret: secret, sts_token: token, region_id: region } = profile;
  if (!plainModes.includes(mode)) {
    if (!isText(id) && !isText(mode)) return undefined;
    fail("cloud/no-credentials", `cannot use the credentials of ${origin}: its mode ${mode} needs the vendor's tool`, {
      hint: `choose a profile of mode ${plainModes.join(" or ")}, or set ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and ALIBABA_CLOUD_SECURITY_TOKEN`,
    });
  }
  const keys = keysOf(origin, { id, secret, token: mode === "StsToken" ? token : undefined });
  return keys !== undefined && isText(region) ? { ...keys, region } : keys;
}

function fromSdkFile(environment: Environment, home: string): Credentials | undefined {
  const named = environment["ALIBABA_CLOUD_CREDENTIALS_FILE"];
  const path = named || join(home, ".alibabacloud", "credentials");
  const text = readCredentialFile(path);
  if (text === undefined && named) fail("cloud/no-credentials", `cannot read ${path}: there is no such file`);
  const name = environment["ALIBABA_CLOUD_PROFILE"] || "default";
  const section = readIni(text ?? "").get(name);
  if (section === undefined || section.get("enable") === "false") return undefined;
  const origin = `${path}, section ${name}`;
  const type = section.get("type") ?? "access_key";
  if (!plainTypes.includes(type)) {
    fail("cloud/no-credentials", `cannot use the credentials of ${origin}: its type ${type} needs the vendor's SDK`, {
      hint: `choose a section of type ${plainTypes.join(" or ")}`,
    });
  }
  return keysOf(origin, {
    id: section.get("access_key_id"),
    secret: section.get("access_key_secret"),
    token: section.get("security_token"),
  });
}

type Keys = Readonly<Record<"id" | "secret" | "token", unknown>>;

function keysOf(origin: string, { id, secret, token }: Keys): Credentials | undefined {
  if (!isText(id) && !isText(secret)) return undefined;
  if (!isText(id) || !isText(secret)) {
    const missing = isText(id) ? "secret" : "id";
    fail("cloud/no-credentials", `cannot use the credentials of ${origin}: the access key has no ${missing}`, {
      hint: "set both, or neither",
    });
  }
  const keys = { accessKeyId: id.trim(), secretAccessKey: secret.trim(), origin };
  return isText(token) ? { ...keys, sessionToken: token.trim() } : keys;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}

function parseConfig(path: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ""));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // The parser's message quotes what it read, and that may be a key.
  }
  fail("cloud/no-credentials", `cannot read ${path}: it is not JSON as aliyun configure writes it`, {
    hint: "run aliyun configure again",
  });
}
