import { accessSync, constants, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { obtainTools } from "../src/build/tools.ts";
import type { Context } from "../src/core/context.ts";
import { fail } from "../src/core/errors.ts";

/** These work together under fakeroot's preloaded library, so they must be the host's own. */
const installed: Record<string, string> = {
  fakeroot: "fakeroot",
  "dpkg-deb": "dpkg",
  tar: "tar",
  mke2fs: "e2fsprogs",
};

/** These are obtained where the host does not have them. */
const obtained: Record<string, string> = {
  bsdtar: "libarchive-tools",
  cpio: "cpio",
  depmod: "kmod",
  gzip: "gzip",
  "qemu-img": "qemu-utils",
  sfdisk: "fdisk",
  xz: "xz-utils",
};

/** On many systems administrators' programs are not on a user's PATH. */
const searchPath = [process.env["PATH"] ?? "", "/usr/local/sbin", "/usr/sbin", "/sbin"].join(delimiter);

/**
 * A PATH on which all programs of the peers are: links to what had to be obtained go into `directory`. `mke2fs-tar` is an mke2fs that reads tar
 * (e2fsprogs 1.47.1 and later, with libarchive).
 *
 * Errors: `host/unsupported`, which says what to install; those of `obtainTools`.
 */
export async function peerPath(directory: string, context: Context): Promise<string> {
  const missing = Object.keys(installed).filter((name) => !isOnPath(name));
  if (missing.length > 0)
    fail("host/unsupported", `cannot run the plain tools: this host has no ${missing.join(", ")}`, {
      hint: `apt install ${missing.map((name) => installed[name]).join(" ")}`,
    });
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const [name, packageName] of Object.entries(obtained))
    if (!isOnPath(name)) link(directory, name, (await obtainTools([packageName], context)).command(name));
  const reader = await obtainTools(["e2fsprogs", "libarchive13t64"], context);
  link(directory, "mke2fs-tar", reader.command("mke2fs"));
  return `${directory}${delimiter}${searchPath}`;
}

function isOnPath(name: string): boolean {
  return searchPath.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return directory !== "";
    } catch {
      return false;
    }
  });
}

/** What is obtained brings its own C library, for which fakeroot's is not made. */
function link(directory: string, name: string, words: readonly string[]): void {
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  writeFileSync(join(directory, name), `#!/bin/sh\nunset LD_PRELOAD\nexec ${quoted} "$@"\n`, { mode: 0o755 });
}
