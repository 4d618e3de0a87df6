import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cloudimg, type Finished, type RunOptions, temporaryDirectory } from "./cloudimg.ts";
import { checkoutFor, unprivileged } from "./unprivileged.ts";

const start = "extends: cloudimg:base\nimage:\n  name: probe\n";

/** Builds a profile of its own in a directory of its own; what is left in the directory is returned too. */
async function build(
  rest: string,
  options: RunOptions & { args?: string[]; prepare?: (directory: string) => void } = {},
) {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, "probe.yaml"), start + rest);
  options.prepare?.(cwd);
  const finished = await cloudimg(["build", "probe.yaml", ...(options.args ?? [])], { cwd, ...options });
  const left = readdirSync(cwd, { recursive: true }) as string[];
  return { ...finished, cwd, left: left.filter((name) => !["probe.yaml", "probe.lock.yaml", "out"].includes(name)) };
}

/** One clear error: what, where, what to do, the family's exit code, no stack trace, and nothing left behind. */
function expectError(finished: Finished & { left?: string[] }, code: number, ...texts: (string | RegExp)[]) {
  for (const text of texts) expect(finished.stderr).toMatch(text);
  expect(finished.stderr).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  expect(finished.stderr).not.toContain("bug/internal");
  expect(finished.code).toBe(code);
  expect(finished.stdout).toBe("");
  if (finished.left !== undefined) expect(finished.left).toEqual([]);
}

describe("bad profiles", () => {
  test("YAML that is none", async () => {
    expectError(await build("files: [\n"), 3, /probe\.yaml:\d+:\d+: cannot/, "profile/syntax", "hint:");
  });

  test("an unknown key", async () => {
    expectError(await build("pakages: {}\n"), 3, /probe\.yaml:4:1: .*"pakages"/, 'did you mean "packages"');
  });

  test("a profile that is not there", async () => {
    const finished = await cloudimg(["build", "missing.yaml"], { cwd: temporaryDirectory() });
    expectError(finished, 3, "missing.yaml", "profile/not-found");
  });
});

describe("bad contents", { timeout: 120_000 }, () => {
  test("a source file that is not there", async () => {
    expectError(
      await build("files:\n  - source: page.html\n    target: /srv/page.html\n"),
      3,
      /probe\.yaml:5:\d+: .*page\.html/,
      "hint:",
    );
  });

  test("a glob that matches nothing", async () => {
    const finished = await build("files:\n  - source: pages/*.html\n    target: /srv\n");
    expectError(finished, 3, /probe\.yaml:5:\d+: .*pages\/\*\.html/, "hint:");
  });

  test("two files for one path", async () => {
    const finished = await build("files:\n  - content: mine\n    target: /usr/sbin/nginx\n");
    expectError(finished, 6, "/usr/sbin/nginx", "package nginx", "image/conflict", "hint:");
  });

  test("a disk that is too small says how much is needed", async () => {
    expectError(
      await build("disk:\n  size: 16MiB\n"),
      6,
      /they need \d+MiB/,
      "image/disk-too-small",
      /set disk\.size to \d+MiB/,
    );
  });

  test("a package that does not exist, with near names", async () => {
    expectError(await build("packages:\n  include: [ngnix]\n"), 5, "ngnix", "packages/not-found", /nginx/);
  });

  test("a version that cannot be had", async () => {
    const finished = await build('packages:\n  include:\n    - name: libcap2\n      version: ">= 99:1"\n');
    expectError(finished, 5, "libcap2", ">= 99:1", "hint:");
  });

  test("files that the package lacks", async () => {
    const finished = await build("packages:\n  include:\n    - name: libcap2\n      files: [/usr/bin/nothing]\n");
    expectError(finished, 5, "/usr/bin/nothing", "libcap2", "hint:");
  });

  test("a library that is not in the image", async () => {
    const finished = await build("packages:\n  include:\n    - name: curl\n      files: [/usr/bin/curl]\n");
    expectError(finished, 6, "/usr/bin/curl", "libcurl", "hint:");
  });

  test("a kernel module that does not exist, with near names", async () => {
    expectError(await build("kernel:\n  modules: [virtio_nte]\n"), 6, "virtio_nte", "virtio_net");
  });
});

describe("a bad host", { timeout: 120_000 }, () => {
  test("a mirror that cannot be reached, after retries", async () => {
    const finished = await build("", {
      args: ["--mirror", "http://127.0.0.1:9/debian"],
      environment: { CLOUDIMG_CACHE: temporaryDirectory() },
    });
    expectError(finished, 5, "127.0.0.1:9", "hint:");
  });

  test("an output directory that cannot be written", async () => {
    // For root no directory is read-only; a file where the directory should be stops anybody.
    const finished = await build("", {
      args: ["--output", "taken/deeper"],
      prepare: (directory) => writeFileSync(join(directory, "taken"), ""),
    });
    expectError(
      { ...finished, left: finished.left.filter((name) => name !== "taken") },
      4,
      "taken/deeper",
      "host/not-writable",
    );
  });

  test("a read-only output directory", async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, "probe.yaml"), start);
    mkdirSync(join(cwd, "locked"));
    const options = { checkout: checkoutFor(cwd), cwd, environment: { CLOUDIMG_CACHE: join(cwd, "cache") } };
    const user = unprivileged(cwd);
    chmodSync(join(cwd, "locked"), 0o555);
    const finished = await cloudimg(["build", "probe.yaml", "--output", "locked"], { ...options, ...user });
    expectError(finished, 4, /cannot write in the directory locked: you may not/, "host/not-writable", "--output");
    expect(readdirSync(join(cwd, "locked"))).toEqual([]);
  });

  test("an image file that is not an image", async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, "notes.raw"), "these are notes\n");
    expectError(await cloudimg(["run", "notes.raw"], { cwd }), 6, "notes.raw", "image/not-an-image", "hint:");
  });

  test("an image file that is not there", async () => {
    expectError(await cloudimg(["run", "none.qcow2"], { cwd: temporaryDirectory() }), 6, "none.qcow2");
  });

  test("--locked without a lock, and with one that does not fit", async () => {
    expectError(await build("", { args: ["--locked"] }), 3, "probe.lock.yaml", "cloudimg lock");
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, "probe.yaml"), start);
    expect((await cloudimg(["lock", "probe.yaml"], { cwd })).code).toBe(0);
    writeFileSync(join(cwd, "probe.yaml"), `${start}packages:\n  include: [libcap2]\n`);
    const finished = await cloudimg(["build", "probe.yaml", "--locked"], { cwd });
    expectError(finished, 3, "libcap2 is new", "cloudimg lock --update");
    expect(existsSync(join(cwd, "out", "probe.raw"))).toBe(false);
  });
});

test("user data that no guest reads is refused, before a drive is made of it", async () => {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, "large"), Buffer.alloc((4 << 20) + 1, 32));
  const finished = await cloudimg(["config-drive", "local", "--user-data", "large", "-o", "drive.iso"], { cwd });
  expectError(finished, 2, "cannot use large: it has 4194305 bytes, and at most 4194304 are read [usage/file]");
  expect(readdirSync(cwd)).toEqual(["large"]);
});
