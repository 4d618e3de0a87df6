import { createHash } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { wrongBody } from "./authorize.ts";
import { refuse } from "./store-error.ts";

/** The body of a request, which is sent only when it is asked for. */
export interface RequestBody {
  /** What the client says; undefined if it does not. */
  readonly lengthBytes: number | undefined;
  chunks(): AsyncIterable<Buffer>;
}

/** What the body must be. */
export interface ExpectedBody {
  /** Hexadecimal. */
  readonly sha256: string | undefined;
  /** The value of Content-MD5. */
  readonly md5: string | undefined;
}

const gib = 1024 ** 3;
/** All three stores: 5 GiB in one request. */
const mostBytes = 5 * gib;
const mostDocumentBytes = 2 << 20;
const batchBytes = 1 << 20;

/**
 * Writes a body to a new file, in bounded memory. Leaves no file behind if it is not as expected, or cut short.
 *
 * Errors: `MissingContentLength`, `EntityTooLarge`, `InvalidDigest`, `BadDigest`, `XAmzContentSHA256Mismatch`
 */
export async function receiveFile(
  body: RequestBody,
  path: string,
  expected: ExpectedBody,
): Promise<{ sizeBytes: number; md5: Buffer }> {
  if (body.lengthBytes === undefined)
    refuse(411, "MissingContentLength", "You must provide the Content-Length HTTP header.");
  if (body.lengthBytes > mostBytes)
    refuse(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.");
  const check = checkBody(expected);
  const file = await open(path, "wx");
  try {
    let batch: Buffer[] = [];
    let waitingBytes = 0;
    let sizeBytes = 0;
    const flush = async () => {
      for (let left = waitingBytes; left > 0; ) {
        const { bytesWritten } = await file.writev(batch);
        left -= bytesWritten;
        if (left > 0) batch = [Buffer.concat(batch).subarray(bytesWritten)];
      }
      batch = [];
      waitingBytes = 0;
    };
    for await (const chunk of body.chunks()) {
      check.update(chunk);
      batch.push(chunk);
      waitingBytes += chunk.length;
      sizeBytes += chunk.length;
      if (waitingBytes >= batchBytes) await flush();
    }
    await flush();
    const md5 = check.end();
    await file.close();
    return { sizeBytes, md5 };
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
}

/**
 * The small bodies: XML documents.
 *
 * Errors: `MalformedXML`, `InvalidDigest`, `BadDigest`, `XAmzContentSHA256Mismatch`
 */
export async function receiveDocument(body: RequestBody, expected: ExpectedBody): Promise<string> {
  const check = checkBody(expected);
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body.chunks()) {
    sizeBytes += chunk.length;
    if (sizeBytes > mostDocumentBytes) refuse(400, "MalformedXML", "The document is too long.");
    check.update(chunk);
    parts.push(chunk);
  }
  check.end();
  return Buffer.concat(parts).toString("utf8");
}

function checkBody(expected: ExpectedBody) {
  const wantedMd5 = expected.md5 === undefined ? undefined : Buffer.from(expected.md5, "base64");
  if (wantedMd5 !== undefined && (wantedMd5.length !== 16 || wantedMd5.toString("base64") !== expected.md5))
    refuse(400, "InvalidDigest", "The Content-MD5 you specified was invalid.");
  const md5 = createHash("md5");
  // SHA-256 costs more than all the rest of an upload: only where it is asked for.
  const sha256 = expected.sha256 === undefined ? undefined : createHash("sha256");
  return {
    update(chunk: Buffer) {
      md5.update(chunk);
      sha256?.update(chunk);
    },
    end(): Buffer {
      if (sha256 !== undefined && sha256.digest("hex") !== expected.sha256) wrongBody();
      const sum = md5.digest();
      if (wantedMd5 !== undefined && !wantedMd5.equals(sum))
        refuse(400, "BadDigest", "The Content-MD5 you specified did not match what we received.");
      return sum;
    },
  };
}
