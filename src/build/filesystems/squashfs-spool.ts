import { randomBytes } from "node:crypto";
import { closeSync, openSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ByteSource, bytesSource, composeSource, fileSource, type Piece } from "../../core/byte-source.ts";
import { errnoOf, fail } from "../../core/errors.ts";

const chunkBytes = 1024 * 1024;
/** What is more goes to a file. */
const memoryBytes = 16 * 1024 * 1024;

/** Nobody says when a plan is not needed any more. */
const abandoned = new FinalizationRegistry<number>((fd) => closeSync(fd));

/** Takes bytes one behind the other and gives them back as a source, in bounded memory: what is much lies in a file without a name in the temporary directory. */
export class Spool {
  sizeBytes = 0;
  readonly #chunks: Uint8Array[] = [];
  /** How much of the last chunk is used. */
  #used = chunkBytes;
  #fd: number | undefined;
  #writtenBytes = 0;

  append(bytes: Uint8Array): void {
    this.sizeBytes += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      if (this.#used === chunkBytes) this.#nextChunk();
      const length = Math.min(bytes.length - at, chunkBytes - this.#used);
      this.#chunks.at(-1)?.set(bytes.subarray(at, at + length), this.#used);
      this.#used += length;
      at += length;
    }
  }

  /** Nothing can be appended any more. */
  finish(): ByteSource {
    const rest = this.#chunks.splice(0);
    const last = rest.pop()?.subarray(0, this.#used);
    if (last !== undefined) rest.push(last);
    const pieces: Piece[] = [];
    let offsetBytes = this.#writtenBytes;
    for (const chunk of rest) {
      pieces.push({ offsetBytes, source: bytesSource(chunk) });
      offsetBytes += chunk.length;
    }
    const fd = this.#fd;
    if (fd === undefined) return composeSource(this.sizeBytes, pieces);
    this.#fd = undefined;
    const source = composeSource(this.sizeBytes, [
      ...pieces,
      { offsetBytes: 0, source: fileSource(fd, 0, this.#writtenBytes) },
    ]);
    abandoned.register(source, fd);
    // The registry watches this object: whoever reads must hold it.
    return { ...source, read: (target, offsetBytes) => source.read(target, offsetBytes) };
  }

  /** For work that failed. */
  discard(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #nextChunk(): void {
    if ((this.#chunks.length + 1) * chunkBytes > memoryBytes) {
      for (const chunk of this.#chunks) this.#write(chunk);
      // The same memory again.
      this.#chunks.length = 1;
    } else this.#chunks.push(new Uint8Array(chunkBytes));
    this.#used = 0;
  }

  #write(chunk: Uint8Array): void {
    try {
      this.#fd ??= openUnnamed();
      for (let at = 0; at < chunk.length; ) {
        const written = writeSync(this.#fd, chunk, at, chunk.length - at, this.#writtenBytes);
        this.#writtenBytes += written;
        at += written;
      }
    } catch (error) {
      const code = errnoOf(error) === "ENOSPC" || errnoOf(error) === "EDQUOT" ? "host/no-space" : "host/not-writable";
      fail(code, `cannot keep compressed data in ${tmpdir()}: ${(error as Error).message}`, {
        hint: "set TMPDIR to a directory with more room",
        cause: error,
      });
    }
  }
}

function openUnnamed(): number {
  const path = join(tmpdir(), `cloudimg-squashfs-${randomBytes(8).toString("hex")}`);
  const fd = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  return fd;
}
