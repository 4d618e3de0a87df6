import { writeAt } from "../../core/output.ts";

/** Writes a file from a position on, gathering small pieces into large writes. */
export class Appender {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(1024 * 1024);
  #used = 0;
  /** Where the next byte goes. */
  positionBytes: number;

  constructor(fd: number, positionBytes: number) {
    this.#fd = fd;
    this.positionBytes = positionBytes;
  }

  /** The bytes may be changed afterwards. */
  append(bytes: Uint8Array): void {
    if (this.#used + bytes.length > this.#buffer.length) this.flush();
    if (bytes.length > this.#buffer.length) writeAt(this.#fd, bytes, this.positionBytes);
    else {
      this.#buffer.set(bytes, this.#used);
      this.#used += bytes.length;
    }
    this.positionBytes += bytes.length;
  }

  /** Leaves what comes before `positionBytes` out; it reads as zero. */
  skipTo(positionBytes: number): void {
    if (positionBytes === this.positionBytes) return;
    this.flush();
    this.positionBytes = positionBytes;
  }

  flush(): void {
    writeAt(this.#fd, this.#buffer.subarray(0, this.#used), this.positionBytes - this.#used);
    this.#used = 0;
  }
}
