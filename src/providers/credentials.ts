import { inspect } from "node:util";

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

/** Hides the secrets from whatever prints or serialises them; they are read by their names as ever. */
export function conceal(credentials: Credentials): Credentials {
  const { origin } = credentials;
  const shown = { origin };
  const concealed = Object.create({
    toString: () => `credentials of ${origin}`,
    toJSON: () => shown,
    [inspect.custom]: () => shown,
  });
  for (const [name, value] of Object.entries(credentials)) {
    Object.defineProperty(concealed, name, { value, enumerable: name === "origin" });
  }
  return Object.freeze(concealed);
}
