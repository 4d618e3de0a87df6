/** Never printed: `toString`, `toJSON` and Node's inspect show where they come from, not what they are. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary keys. */
  readonly sessionToken?: string | undefined;
  readonly region?: string | undefined;
  /** Huawei's. */
  readonly projectId?: string | undefined;
  /** For people: `TENCENTCLOUD_SECRET_ID`, `~/.tccli/default.credential`. */
  readonly origin: string;
}
