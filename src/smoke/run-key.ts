/** A key pair for one run. The private key is OpenSSH's file format; the public one a line for authorized_keys. */
export interface RunKey {
  readonly privateKey: string;
  readonly publicKeyLine: string;
}

/** Makes an ed25519 key pair. */
export async function makeRunKey(comment = "cloudimg-run"): Promise<RunKey> {
  const { utils } = (await import("ssh2")).default;
  for (;;) {
    const pair = utils.generateKeyPairSync("ed25519", { comment });
    // ssh2 leaves a leading zero byte of the public key out, one in 256 has one: then neither it nor any server can read the pair.
    if (!(utils.parseKey(pair.private) instanceof Error))
      return { privateKey: pair.private, publicKeyLine: pair.public };
  }
}
