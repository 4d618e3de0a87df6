interface Line {
  readonly pool: Buffer;
  readonly start: number;
  readonly end: number;
}

const poolBytes = 1024 * 1024;

/** Many lines to be sorted, kept as bytes outside of V8's heap: as strings they would take several times the memory. */
export class LinePool {
  readonly #lines: Line[] = [];
  #pool = Buffer.alloc(0);
  #usedBytes = 0;
  sizeBytes = 0;

  /** @param line with its newline; only characters up to U+00FF */
  add(line: string): void {
    if (this.#usedBytes + line.length > this.#pool.length) {
      this.#pool = Buffer.allocUnsafeSlow(Math.max(poolBytes, line.length));
      this.#usedBytes = 0;
    }
    const start = this.#usedBytes;
    this.#usedBytes += this.#pool.write(line, start, "latin1");
    this.#lines.push({ pool: this.#pool, start, end: this.#usedBytes });
    this.sizeBytes += line.length;
  }

  /** Copies all lines to a place of `target`, in the order of their bytes. */
  copySorted(target: Buffer, atBytes: number): void {
    this.#lines.sort((a, b) => a.pool.compare(b.pool, b.start, b.end, a.start, a.end));
    let at = atBytes;
    for (const { pool, start, end } of this.#lines) at += pool.copy(target, at, start, end);
  }
}
