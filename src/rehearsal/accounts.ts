import { createHash, randomBytes } from "node:crypto";
import type { Credentials } from "../providers/credentials.ts";
import type { SigningKey } from "./signatures/verdict.ts";

export interface AccessKey extends SigningKey {
  readonly accessKeyId: string;
}

/** One customer of an emulated cloud. All values are made up; two with the same seed are the same. */
export interface Account {
  readonly cloud: "tencent" | "alibaba" | "huawei";
  /** Digits at Tencent and Alibaba, 32 hex digits at Huawei. */
  readonly accountId: string;
  /** Tencent's APPID, the end of bucket names. */
  readonly appId: string;
  /** The name that bucket and resource owners are shown by. */
  readonly userName: string;
  /** A key that lasts. */
  readonly key: AccessKey;
  /** Huawei's id of the account's project in a region. */
  projectIn(region: string): string;
}

/** Which keys the services know. */
export interface KeyRing {
  add(key: AccessKey): void;
  /** As if it had been deleted or disabled. */
  remove(accessKeyId: string): void;
  keyOf(accessKeyId: string): SigningKey | undefined;
}

export function makeAccount(cloud: Account["cloud"], seed: string = randomBytes(16).toString("hex")): Account {
  const hex = (what: string) => createHash("sha256").update(`${seed} ${cloud} ${what}`).digest("hex");
  const digits = (what: string, count: number) => {
    const text = BigInt(`0x${hex(what)}`)
      .toString()
      .slice(0, count - 1);
    return `1${text}`;
  };
  return {
    cloud,
    accountId: cloud === "huawei" ? hex("account").slice(0, 32) : digits("account", cloud === "tencent" ? 12 : 16),
    appId: digits("app", 10),
    userName: "rehearsal",
    key: makeKey(cloud, hex("key")),
    projectIn: (region) => hex(`project ${region}`).slice(0, 32),
  };
}

/** A key as short-lived credentials have it, with a token. */
export function temporaryKey(
  cloud: Account["cloud"],
  expiresAtMs: number,
  seed = randomBytes(16).toString("hex"),
): AccessKey {
  const digest = createHash("sha256").update(seed).digest("hex");
  return { ...makeKey(cloud, digest), sessionToken: `rehearsal/${digest}+token=`, expiresAtMs };
}

export function makeKeyRing(keys: readonly AccessKey[]): KeyRing {
  const known = new Map(keys.map((key) => [key.accessKeyId, key]));
  return {
    add: (key) => void known.set(key.accessKeyId, key),
    remove: (accessKeyId) => void known.delete(accessKeyId),
    keyOf: (accessKeyId) => known.get(accessKeyId),
  };
}

/** What a provider is given so that it acts for this account. */
export function credentialsOf(account: Account, region: string, key: AccessKey = account.key): Credentials {
  return {
    accessKeyId: key.accessKeyId,
    secretAccessKey: key.secret,
    sessionToken: key.sessionToken,
    region,
    projectId: account.cloud === "huawei" ? account.projectIn(region) : undefined,
    origin: "the rehearsal",
  };
}

/** In the vendor's form, but none that it has ever given out: they say so. */
function makeKey(cloud: Account["cloud"], digest: string): AccessKey {
  const secret = createHash("sha256").update(`${digest} secret`).digest("base64url").replace(/[-_]/g, "x");
  switch (cloud) {
    case "tencent":
      return { accessKeyId: `AKIDrehearsal${digest.slice(0, 23)}`, secret: secret.slice(0, 32) };
    case "alibaba":
      return { accessKeyId: `LTAI5rehearsal${digest.slice(0, 10)}`, secret: secret.slice(0, 30) };
    case "huawei":
      return { accessKeyId: `REHEARSAL${digest.slice(0, 11).toUpperCase()}`, secret: secret.slice(0, 40) };
  }
}
