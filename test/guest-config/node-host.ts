import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { Host } from "../../src/guest-config/initializer/host.ts";

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
    writeFile(path, text, mode) {
      fs.writeFileSync(at(`${path}.cloudimg`), text, { mode, flag: "wx" });
      fs.renameSync(at(`${path}.cloudimg`), at(path));
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
    makeDirectory(path, mode) {
      fs.mkdirSync(dirname(at(path)), { recursive: true });
      if (!fs.existsSync(at(path))) fs.mkdirSync(at(path), { mode });
    },
    remove: (path) => fs.rmSync(at(path), { force: true }),
    start: ({ argv }) => {
      throw new Error(`a test without a guest starts no ${argv[0]}`);
    },
    nowMs: () => performance.now(),
    sleepMs: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  };
}
