import { decodeBase64, decodeUtf8, encodeUtf8 } from "../initializer/bytes.ts";

const magic = encodeUtf8("openssh-key-v1\0");
const type = encodeUtf8("ssh-ed25519");

/**
 * A host key file of dropbear from an ed25519 key as ssh-keygen writes it, without a passphrase: OpenSSH's PROTOCOL.key. dropbear's file is two strings of SSH (RFC 4251
 * section 5): the type, then seed and public key in one. Undefined for anything else.
 */
export function dropbearKeyOf(text: string): Uint8Array | undefined {
  const [, body] = /^-+BEGIN OPENSSH PRIVATE KEY-+\s([\w+/=\s]+)-+END OPENSSH PRIVATE KEY-+$/.exec(text.trim()) ?? [];
  const file = decodeBase64(body ?? "");
  if (file === undefined || !isSame(file.subarray(0, magic.length), magic)) return undefined;
  const next = stringsOf(file.subarray(magic.length));
  const [cipher, derivation] = [next(), next()].map(decodeUtf8);
  next();
  // A number has the form of a string's length. One key: nobody has ever written more.
  if (cipher !== "none" || derivation !== "none" || !isSame(next(4), [0, 0, 0, 1])) return undefined;
  next();
  const inner = stringsOf(next());
  // The same number twice, a sign that it was decrypted well.
  if (!isSame(inner(4), inner(4)) || !isSame(inner(), type)) return undefined;
  const publicKey = inner();
  const pair = inner();
  if (pair.length !== 64 || !isSame(pair.subarray(32), publicKey)) return undefined;
  return Uint8Array.of(0, 0, 0, type.length, ...type, 0, 0, 0, pair.length, ...pair);
}

/** Takes strings off the beginning, or so many bytes; nothing where there are too few. */
function stringsOf(bytes: Uint8Array): (length?: number) => Uint8Array {
  let rest = bytes;
  const take = (length: number) => {
    const taken = length > rest.length ? new Uint8Array() : rest.subarray(0, length);
    rest = length > rest.length ? taken : rest.subarray(length);
    return taken;
  };
  return (length) => take(length ?? take(4).reduce((number, byte) => number * 256 + byte, 0));
}

function isSame(one: Uint8Array, other: ArrayLike<number>): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
