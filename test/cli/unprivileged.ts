import { execFileSync } from "node:child_process";
import { cpSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type RunOptions, repository } from "./cloudimg.ts";

const nobody = 65534;

/** Makes a run one of an ordinary user, who owns `home`: tests that root starts would otherwise be allowed everything. */
export function unprivileged(home: string): Pick<RunOptions, "uid"> {
  if (process.getuid?.() !== 0) return {};
  execFileSync("chown", ["-R", `${nobody}:${nobody}`, home]);
  return { uid: nobody };
}

/** This repository where that user can read it, else a copy of it in `home`. */
export function checkoutFor(home: string): string {
  return process.getuid?.() !== 0 || readableByAll(repository) ? repository : copyOf(repository, home);
}

function readableByAll(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o005) !== 0o005) return false;
    if (dirname(at) === at) return true;
  }
}

function copyOf(checkout: string, into: string): string {
  const copy = join(into, "checkout");
  for (const name of ["src", "cloud-profiles", "package.json", "node_modules"])
    cpSync(join(checkout, name), join(copy, name), { recursive: true, verbatimSymlinks: true });
  return copy;
}
