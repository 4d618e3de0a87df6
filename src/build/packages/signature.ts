import type { Key, KeyID } from "openpgp";
import { CloudimgError, fail, type Problem } from "../../core/errors.ts";

export interface Verified {
  /** What was signed. Nothing else of the file may be used. */
  readonly text: string;
  /** Fingerprints of the primary keys whose signatures are good, sorted. */
  readonly keys: readonly string[];
}

/**
 * Verifies an InRelease file: clear-signed text (RFC 9580 section 7). Debian signs with several keys, of which a host may know some: one good
 * signature is enough, but none by a key that we know may be wrong.
 *
 * @param name says which file, for messages
 */
export async function verifyInRelease(
  bytes: Buffer,
  trusted: readonly Key[],
  name: string,
  now = new Date(),
): Promise<Verified> {
  const openpgp = await import("openpgp");
  let message: Awaited<ReturnType<typeof openpgp.readCleartextMessage>>;
  try {
    message = await openpgp.readCleartextMessage({ cleartextMessage: bytes.toString("utf8") });
  } catch (error) {
    fail("packages/bad-release", `cannot use ${name}: it is not a signed Release file (${(error as Error).message})`, {
      hint: "something between here and the mirror answers in its place (a log-in page?), or the mirror is damaged: open the URL in a browser",
      cause: error,
    });
  }
  const result = await openpgp.verify({ message, verificationKeys: [...trusted], date: now });
  const good = new Set<string>();
  const unknown: string[] = [];
  const bad: Problem[] = [];
  for (const { keyID, verified, signature } of result.signatures) {
    const key = findKey(trusted, keyID);
    const reason = await verified.then(
      () => undefined,
      (error: Error) => error.message,
    );
    const packet = (await signature).packets[0];
    if (key === undefined) unknown.push(keyID.toHex().toUpperCase());
    else if (packet?.isExpired(now)) bad.push(expiredSignature(name, key));
    else if (reason !== undefined && !/expired/i.test(reason)) bad.push(badSignature(name, key, reason));
    else if (reason !== undefined || (await isExpired(key, now))) bad.push(expiredKey(name, key));
    else good.add(key.getFingerprint().toUpperCase());
  }
  // A key that has expired says nothing; a signature that does not match says that somebody changed the file.
  const fatal = bad.filter((problem) => problem.code === "packages/bad-signature");
  if (fatal.length > 0 || (good.size === 0 && bad.length > 0)) throw new CloudimgError(fatal.length > 0 ? fatal : bad);
  if (good.size === 0) throw new CloudimgError(unknownKey(name, unknown));
  return { text: result.data, keys: [...good].sort() };
}

function findKey(keys: readonly Key[], id: KeyID): Key | undefined {
  return keys.find((key) => key.getKeyIDs().some((own) => own.equals(id)));
}

async function isExpired(key: Key, now: Date): Promise<boolean> {
  const expires = await key.getExpirationTime();
  return expires === null || (expires instanceof Date && expires <= now);
}

function describe(key: Key): string {
  return `${key.getUserIDs()[0] ?? "unnamed"}, ${key.getFingerprint().toUpperCase()}`;
}

function unknownKey(name: string, ids: readonly string[]): Problem {
  const signers =
    ids.length === 0 ? "it carries no signature" : `it is signed by ${ids.join(", ")}, which are no keys of ours`;
  return {
    code: "packages/unknown-key",
    message: `cannot trust ${name}: ${signers}`,
    hint: "newer archive keys are in the package debian-archive-keyring; for an archive of your own name its keys in CLOUDIMG_KEYRING",
  };
}

function badSignature(name: string, key: Key, reason: string): Problem {
  return {
    code: "packages/bad-signature",
    message: `cannot trust ${name}: the signature by ${describe(key)} is wrong (${reason})`,
    hint: "the file was changed after it was signed, on the mirror or on the way: try again, then another mirror",
  };
}

function expiredKey(name: string, key: Key): Problem {
  return {
    code: "packages/expired-key",
    message: `cannot trust ${name}: the key that signed it has expired (${describe(key)})`,
    hint: "check this host's clock; newer archive keys are in the package debian-archive-keyring",
  };
}

function expiredSignature(name: string, key: Key): Problem {
  return {
    code: "packages/expired-signature",
    message: `cannot trust ${name}: the signature by ${describe(key)} has expired`,
    hint: "check this host's clock, or choose a mirror that is kept up to date",
  };
}
