import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bytesSource, composeSource, readAll } from "../../src/core/byte-source.ts";
import { CloudimgError } from "../../src/core/errors.ts";
import { emitSource, writeOutput, writeOutputs } from "../../src/core/output.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-output-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const context = { signal: new AbortController().signal };
const put = (text: string) => (fd: number) => void writeSync(fd, text);

async function problemOf(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CloudimgError)) throw new Error(`not a CloudimgError: ${error}`);
  return { ...error.problems[0], exitCode: error.exitCode };
}

describe("writeOutput", () => {
  test("gives the file its name at the end, readable by all", async () => {
    const path = join(directory, "a");
    await writeOutput(path, context, (fd) => {
      put("hello")(fd);
      expect(existsSync(path)).toBe(false);
    });
    expect(readFileSync(path, "utf8")).toBe("hello");
    expect(statSync(path).mode & 0o777).toBe(0o644 & ~process.umask());
    expect(readdirSync(directory)).toEqual(["a"]);
  });

  test("keeps the old file, and nothing else, when the work fails", async () => {
    const path = join(directory, "a");
    writeFileSync(path, "old");
    const work = writeOutput(path, context, (fd) => {
      put("half of the ne")(fd);
      throw new Error("no");
    });
    await expect(work).rejects.toThrow("no");
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(directory)).toEqual(["a"]);
  });

  test("an interruption in the middle of a source leaves nothing", async () => {
    const controller = new AbortController();
    const source = bytesSource(new Uint8Array(8 << 20).fill(1));
    const progress = (doneBytes: number) => doneBytes > 2 << 20 && controller.abort();
    const work = writeOutput(join(directory, "a"), controller, (fd) =>
      emitSource(source, fd, { signal: controller.signal, progress }),
    );
    await expect(work).rejects.toMatchObject({ name: "AbortError" });
    expect(readdirSync(directory)).toEqual([]);
  });

  test("several files appear together or not at all", async () => {
    const paths = [join(directory, "a"), join(directory, "b")];
    const work = writeOutputs(paths, context, ([a]) => {
      put("a")(a as number);
      throw new Error("no");
    });
    await expect(work).rejects.toThrow("no");
    expect(readdirSync(directory)).toEqual([]);
    await writeOutputs(paths, context, (fds) => fds.forEach(put("x")));
    expect(readdirSync(directory)).toEqual(["a", "b"]);
  });

  test("writes where a symbolic link points, not over it", async () => {
    mkdirSync(join(directory, "big-disk"));
    writeFileSync(join(directory, "big-disk/image"), "old");
    symlinkSync("big-disk/image", join(directory, "link"));
    await writeOutput(join(directory, "link"), context, put("new"));
    expect(readFileSync(join(directory, "big-disk/image"), "utf8")).toBe("new");
    expect(readdirSync(directory)).toEqual(["big-disk", "link"]);
  });

  test.each([
    ["missing/a", "its directory does not exist"],
    ["file/a", "its directory is not a directory"],
    ["directory", "it is a directory"],
    [`${"n".repeat(250)}`, "its name is too long"],
  ])("%s cannot be written: %s", async (name, reason) => {
    writeFileSync(join(directory, "file"), "");
    mkdirSync(join(directory, "directory"));
    const path = join(directory, name);
    const problem = await problemOf(writeOutput(path, context, put("x")));
    expect(problem).toMatchObject({ code: "host/not-writable", exitCode: 4 });
    expect(problem.message).toBe(`cannot write ${path}: ${reason}`);
    expect(problem.hint).toBeTruthy();
  });

  test("a device is not replaced by a file", async () => {
    const problem = await problemOf(writeOutput("/dev/null", context, put("x")));
    expect(problem.message).toBe("cannot write /dev/null: it is not a regular file");
    expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
  });

  test("a read-only directory is named with a hint", async () => {
    // Root may write anywhere, so this test gives up root in a process of its own when it has it.
    const closed = join(directory, "closed");
    mkdirSync(closed);
    chmodSync(closed, 0o555);
    chmodSync(directory, 0o755);
    const script = `
      if (process.getuid() === 0) process.setuid(65534);
      const { writeOutput } = await import(${JSON.stringify(new URL("../../src/core/output.ts", import.meta.url).href)});
      await writeOutput(${JSON.stringify(join(closed, "a"))}, { signal: new AbortController().signal }, () => {})
        .catch((error) => console.log(JSON.stringify(error.problems)));`;
    const output = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
    expect(JSON.parse(output)).toEqual([
      {
        code: "host/not-writable",
        message: `cannot write ${join(closed, "a")}: you may not write to its directory`,
        hint: "write to a directory of your own",
      },
    ]);
  });

  test.skipIf(process.platform !== "linux")("a full disk is an error with a hint", async () => {
    const path = join(directory, "a");
    const full = openSync("/dev/full", "w");
    const source = bytesSource(Uint8Array.of(1));
    const problem = await problemOf(
      writeOutput(path, context, () => {
        writeSync(full, readAll(source));
      }),
    );
    expect(problem).toMatchObject({
      code: "host/no-space",
      exitCode: 4,
      message: `cannot write ${path}: no space is left`,
      hint: "free some space, or write to another disk",
    });
    expect(readdirSync(directory)).toEqual([]);
  });

  test.skipIf(process.platform !== "linux")("a file that its limit cuts off leaves nothing", () => {
    const module = (name: string) => JSON.stringify(new URL(`../../src/core/${name}.ts`, import.meta.url).href);
    const script = `
      const { writeOutput, emitSource } = await import(${module("output")});
      const { bytesSource } = await import(${module("byte-source")});
      const signal = new AbortController().signal;
      const source = bytesSource(new Uint8Array(4 << 20).fill(1));
      await writeOutput(${JSON.stringify(join(directory, "a"))}, { signal }, (fd) => emitSource(source, fd, { signal }))
        .catch((error) => console.log(error.problems[0].code));`;
    const limited = spawnSync(
      "sh",
      ["-c", 'ulimit -f 2048; exec "$@"', "sh", process.execPath, "--input-type=module", "--eval", script],
      { encoding: "utf8" },
    );
    expect(limited.stdout).toBe("host/no-space\n");
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe("emitSource", () => {
  test("writes holes and zero blocks as holes, and the full size", async () => {
    const data = new Uint8Array(64 * 1024);
    data.fill(7, 5000, 6000);
    const source = composeSource(20 << 20, [{ offsetBytes: 3 << 20, source: bytesSource(data) }]);
    const path = join(directory, "a");
    await writeOutput(path, context, (fd) => emitSource(source, fd, { ...context, atBytes: 1000 }));
    const written = readFileSync(path);
    expect(written.length).toBe(1000 + (20 << 20));
    expect(written.subarray(1000).equals(readAll(source))).toBe(true);
    expect(statSync(path).blocks * 512).toBeLessThanOrEqual(16 * 1024);
  });
});
