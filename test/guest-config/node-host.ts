import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { Host } from "../../src/guest-config/initializer/host.ts";
import * as consolePart from "../../src/guest-config/parts/console.ts";
import * as disk from "../../src/guest-config/parts/disk.ts";
import * as documents from "../../src/guest-config/parts/documents.ts";
import * as drives from "../../src/guest-config/parts/drives.ts";
import * as sources from "../../src/guest-config/parts/sources.ts";
import * as stacked from "../../src/guest-config/parts/stacked.ts";
import * as userData from "../../src/guest-config/parts/user-data.ts";
import * as yaml from "../../src/guest-config/parts/yaml.ts";

/** Those that are there; the rest is missing, as in an image that lacks them. */
const parts: Readonly<Record<string, unknown>> = {
  console: consolePart,
  disk,
  documents,
  drives,
  sources,
  stacked,
  yaml,
  "user-data": userData,
};

/** The initializer's host in a directory of this machine, for what only reads and writes files. It starts no programs. */
export function nodeHost(root: string): Host {
  const at = (path: string) => join(root, path);
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch {
      return undefined;
    }
  };
  return {
    readText: (path) => attempt(() => fs.readFileSync(at(path), "utf8")),
    readBytes: (path, offsetBytes, lengthBytes) =>
      attempt(() => new Uint8Array(fs.readFileSync(at(path))).slice(offsetBytes, offsetBytes + lengthBytes)),
    writeFile(path, content, mode) {
      fs.writeFileSync(at(`${path}.cloudimg`), content, { mode, flag: "wx" });
      fs.renameSync(at(`${path}.cloudimg`), at(path));
    },
    writeAt(path, offsetBytes, bytes) {
      const fd = fs.openSync(at(path), "r+");
      try {
        fs.writeSync(fd, bytes, 0, bytes.length, offsetBytes);
      } finally {
        fs.closeSync(fd);
      }
    },
    append: (path, content) =>
      attempt(() => {
        if (!fs.existsSync(at(path))) return false;
        fs.appendFileSync(at(path), content);
        return true;
      }) ?? false,
    list: (path) => attempt(() => fs.readdirSync(at(path)).sort()) ?? [],
    attributes: (path) =>
      attempt(() => {
        const { mode, uid, gid, size } = fs.lstatSync(at(path));
        const kinds = {
          [fs.constants.S_IFREG]: "file",
          [fs.constants.S_IFDIR]: "directory",
          [fs.constants.S_IFLNK]: "link",
        } as const;
        return { kind: kinds[mode & fs.constants.S_IFMT] ?? "other", mode: mode & 0o7777, uid, gid, sizeBytes: size };
      }),
    readLink: (path) => attempt(() => fs.readlinkSync(at(path))),
    link(target, path) {
      fs.symlinkSync(target, at(`${path}.cloudimg`));
      fs.renameSync(at(`${path}.cloudimg`), at(path));
    },
    makeDirectory(path, mode) {
      fs.mkdirSync(dirname(at(path)), { recursive: true });
      if (!fs.existsSync(at(path))) fs.mkdirSync(at(path), { mode });
    },
    remove: (path) => {
      attempt(() => (fs.lstatSync(at(path)).isDirectory() ? fs.rmdirSync(at(path)) : fs.rmSync(at(path))));
    },
    start: ({ argv }) => {
      throw new Error(`a test without a guest starts no ${argv[0]}`);
    },
    fetch: ({ url }) => ({ failure: `a test without a network asks for no ${url}`, kind: "refused" }),
    loadScript(name) {
      if (parts[name] === undefined) throw new Error(`there is no part ${name}`);
      return parts[name];
    },
    clockMs: () => Date.now(),
    nowMs: () => performance.now(),
    sleepMs: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  };
}
