import { homedir } from "node:os";
import { join } from "node:path";
import { fail } from "../../core/errors.ts";
import { readCredentialFile } from "../credential-file.ts";
import { type Credentials, conceal } from "../credentials.ts";
import { readIni } from "../ini.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface CredentialPlaces {
  readonly home: string;
  readonly systemFile: string;
}

/**
 * Finds keys where Tencent's own tools look, in their order: the environment, `tccli`'s profile, the SDK's files. The first place that has keys counts, whole:
 * a token of one place never joins the keys of another.
 *
 * Errors: `cloud/no-credentials`
 */
export function tencentCredentials(
  environment: Environment,
  places: CredentialPlaces = { home: homedir(), systemFile: "/etc/tencentcloud/credentials" },
): Credentials {
  const sdkFiles = [join(places.home, ".tencentcloud", "credentials"), places.systemFile];
  const found =
    fromEnvironment(environment) ??
    fromCommandLine(environment, join(places.home, ".tccli")) ??
    sdkFiles.map(fromSdkFile).find((keys) => keys !== undefined);
  if (found !== undefined) {
    const region = environment["TENCENTCLOUD_REGION"] || found.region;
    return conceal({ ...found, ...(region === undefined ? {} : { region }) });
  }
  fail("cloud/no-credentials", "cannot reach Tencent Cloud: no credentials were found", {
    hint: "set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY (keys: https://console.cloud.tencent.com/cam/capi), or run tccli configure",
  });
}

/** Three names for a token: of the SDK, of `tccli`, of Terraform and Packer. */
const tokenNames = ["TENCENTCLOUD_SESSION_TOKEN", "TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"];

function fromEnvironment(environment: Environment): Credentials | undefined {
  const token = tokenNames.map((name) => environment[name]).find((value) => value !== undefined && value !== "");
  return keysOf("TENCENTCLOUD_SECRET_ID", {
    id: environment["TENCENTCLOUD_SECRET_ID"],
    key: environment["TENCENTCLOUD_SECRET_KEY"],
    token,
  });
}

/** `tccli` keeps keys in `<profile>.credential` and the region in `<profile>.configure`, both JSON. */
function fromCommandLine(environment: Environment, directory: string): Credentials | undefined {
  const profile = environment["TCCLI_PROFILE"] || "default";
  const path = join(directory, `${profile}.credential`);
  const credential = readJson(path);
  if (credential === undefined) return undefined;
  const keys = keysOf(path, {
    id: credential["secretId"],
    key: credential["secretKey"],
    token: credential["token"],
  });
  if (keys === undefined) return undefined;
  const configure = readJson(join(directory, `${profile}.configure`));
  const system = configure?.["_sys_param"] as Record<string, unknown> | undefined;
  const region = system?.["region"] ?? configure?.["region"];
  return typeof region === "string" && region !== "" ? { ...keys, region } : keys;
}

function fromSdkFile(path: string): Credentials | undefined {
  const section = readIni(readCredentialFile(path) ?? "").get("default");
  return keysOf(path, {
    id: section?.get("secret_id"),
    key: section?.get("secret_key"),
    token: section?.get("token"),
  });
}

function keysOf(origin: string, { id, key, token }: Record<"id" | "key" | "token", unknown>): Credentials | undefined {
  const isText = (value: unknown): value is string => typeof value === "string" && value.trim() !== "";
  if (!isText(id) && !isText(key)) return undefined;
  if (!isText(id) || !isText(key)) {
    const missing = isText(id) ? "SecretKey" : "SecretId";
    fail("cloud/no-credentials", `cannot use the credentials of ${origin}: there is no ${missing} with them`, {
      hint: "set both, or neither",
    });
  }
  const keys = { accessKeyId: id.trim(), secretAccessKey: key.trim(), origin };
  return isText(token) ? { ...keys, sessionToken: token.trim() } : keys;
}

function readJson(path: string): Record<string, unknown> | undefined {
  const text = readCredentialFile(path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // The parser's message quotes what it read, and that may be a key.
  }
  fail("cloud/no-credentials", `cannot read ${path}: it is not JSON as tccli writes it`, {
    hint: "run tccli configure again",
  });
}
