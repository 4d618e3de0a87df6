import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeDirectory } from "../../src/core/make-directory.ts";

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-directory-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test("makes what is missing on the way, and leaves what is there", () => {
  const path = join(temporaryDirectory(), "a", "b", "c");
  makeDirectory(path, { hint: "", mode: 0o700 });
  makeDirectory(path, { hint: "" });
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test("a file, or a link to nothing, on the way is an error with words", () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "file"), "");
  symlinkSync("/nonexistent/place", join(directory, "link"));
  for (const name of ["file", "file/deeper", "link", "link/deeper"])
    expect(() => makeDirectory(join(directory, name), { hint: "elsewhere" })).toThrow(
      /cannot make the directory .*: something on the way/,
    );
});

test.runIf(process.platform === "linux")("where the kernel denies that a directory exists, it ends", () => {
  expect(() => makeDirectory("/proc/none/deeper", { hint: "elsewhere" })).toThrow(/cannot make the directory/);
});
