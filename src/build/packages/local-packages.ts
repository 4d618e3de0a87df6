import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { readAll } from "../../core/byte-source.ts";
import type { Context } from "../../core/context.ts";
import { CloudimgError, errnoOf, fail, type Problem, type Where } from "../../core/errors.ts";
import { matchesOnHost } from "../../core/host-glob.ts";
import { compareNames } from "../../core/names.ts";
import { limiter } from "../../core/parallel.ts";
import { treeOfTar, unpackMember } from "./deb.ts";
import { IndexBuilder, openIndex, type PackageRecord } from "./package-index.ts";
import type { LocalFile } from "./request.ts";
import type { Candidate } from "./universe.ts";

/** The files that paths and globs stand for, each once. Errors, of all of them: `profile/no-source`. */
export function findLocalPackages(
  patterns: readonly string[],
  locate: (index: number) => Where | undefined,
): LocalFile[] {
  const problems: Problem[] = [];
  const files = new Map<string, LocalFile>();
  patterns.forEach((pattern, index) => {
    const where = locate(index);
    try {
      for (const path of matchesOnHost(pattern, where)) {
        const bytes = readFileSync(path);
        files.set(path, { path, sha256: hash("sha256", bytes), sizeBytes: bytes.length, where });
      }
    } catch (error) {
      if (error instanceof CloudimgError) problems.push(...error.problems);
      else if (errnoOf(error) === undefined) throw error;
      else
        problems.push({
          code: "profile/no-source",
          message: `cannot add ${pattern}: ${errnoOf(error) === "ENOENT" ? "there is no such file" : (error as Error).message}`,
          hint: "a source is relative to the profile that names it",
          where,
        });
    }
  });
  if (problems.length > 0) throw new CloudimgError(problems);
  return [...files.values()].sort((a, b) => compareNames(a.path, b.path));
}

/** The file of a local package by its digest. Errors: `profile/lock-drift` if it is another one by now. */
export function readLocalPackage(files: readonly LocalFile[], sha256: string, name: string): Buffer {
  const file = files.find((candidate) => candidate.sha256 === sha256);
  const bytes = file && readFileSync(file.path);
  if (bytes === undefined || hash("sha256", bytes) !== sha256)
    fail("profile/lock-drift", `cannot add the package ${name}: its file is not the one that was locked`, {
      hint: "make the lock anew with cloudimg lock --update",
    });
  return bytes;
}

/**
 * What local packages say of themselves. Errors, of all of them: `profile/bad-archive` for what is no package, one of another processor, or the second of a name.
 */
export async function localCandidates(
  files: readonly LocalFile[],
  arch: string,
  context: Pick<Context, "jobs" | "signal">,
): Promise<Candidate[]> {
  const problems: Problem[] = [];
  const found = new Map<string, Candidate>();
  const limit = limiter(context.jobs);
  for (const { path, sha256, sizeBytes, where } of files) {
    const refuse = (reason: string, hint: string) =>
      problems.push({ code: "profile/bad-archive", message: `cannot install ${path}: ${reason}`, where, hint });
    let record: PackageRecord;
    try {
      record = recordOf(await unpackMember(readFileSync(path), "control", limit));
    } catch (error) {
      context.signal.throwIfAborted();
      refuse((error as Error).message, "is it a whole .deb file?");
      continue;
    }
    const { name, architecture } = record;
    if (architecture !== arch && architecture !== "all")
      refuse(`it is for ${architecture}, the image for ${arch}`, "name the package for the image's processor");
    else if (found.has(name)) refuse(`there is another local package ${name}`, "keep one of the two");
    else found.set(name, { ...record, archive: "local", path: basename(path), sha256, sizeBytes });
  }
  if (problems.length > 0) throw new CloudimgError(problems);
  return [...found.values()];
}

/** A package's control file has the form of an index's paragraph. */
function recordOf(controlTar: Buffer): PackageRecord {
  const node = treeOfTar(controlTar, "control").get("/control");
  if (node?.type !== "file") throw new SyntaxError("it has no control file");
  const text = Buffer.from(readAll(node.content));
  const name = /^Package:[ \t]*(\S+)/m.exec(text.toString("latin1"))?.[1];
  const builder = new IndexBuilder();
  builder.add(Buffer.concat([text, Buffer.from("\n\n")]));
  const record = name === undefined ? undefined : openIndex(builder.finish())?.find(name)[0];
  if (record === undefined || record.version === "" || record.architecture === "")
    throw new SyntaxError("its control file has no Package, Version or Architecture");
  return record;
}
