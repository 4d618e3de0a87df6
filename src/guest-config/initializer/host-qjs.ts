import * as os from "qjs:os";
import * as std from "qjs:std";
import type { Attributes, Command, Host, Process } from "./host.ts";

/** Where busybox and everything else is; init may have set none. */
const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
const sigkill = 9;

/** The guest itself, through QuickJS's `std` and `os`. */
export const quickjsHost: Host = {
  readText(path) {
    const file = std.open(path, "r");
    if (file === null) return undefined;
    try {
      return file.readAsString();
    } catch {
      return undefined;
    } finally {
      file.close();
    }
  },

  readBytes(path, offsetBytes, lengthBytes) {
    const fd = os.open(path, os.O_RDONLY);
    if (fd < 0) return undefined;
    const bytes = new Uint8Array(lengthBytes);
    let done = 0;
    if (offsetBytes === 0 || os.seek(fd, offsetBytes, 0) >= 0) {
      while (done < lengthBytes) {
        const got = os.read(fd, bytes.buffer, done, lengthBytes - done);
        if (got <= 0) break;
        done += got;
      }
    }
    os.close(fd);
    return bytes.subarray(0, done);
  },

  writeFile(path, text, mode) {
    const temporary = `${path}.cloudimg`;
    os.remove(temporary);
    const fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode);
    if (fd < 0) throw failed("write", path, fd);
    const file = std.fdopen(fd, "w");
    if (file === null) throw new Error(`cannot write ${path}`);
    file.puts(text);
    // A full disk shows when the buffer is flushed.
    const closed = file.close();
    const renamed = closed < 0 ? closed : os.rename(temporary, path);
    if (renamed < 0) {
      os.remove(temporary);
      throw failed("write", path, renamed);
    }
  },

  append(path, content) {
    const fd = os.open(path, os.O_WRONLY | os.O_APPEND);
    if (fd < 0) return false;
    if (typeof content === "string") {
      const file = std.fdopen(fd, "w");
      file?.puts(content);
      return file !== null && file.close() >= 0;
    }
    const wrote = os.write(fd, content.buffer, content.byteOffset, content.byteLength);
    os.close(fd);
    return wrote === content.byteLength;
  },

  list(path) {
    return os
      .readdir(path)[0]
      .filter((name) => name !== "." && name !== "..")
      .sort();
  },

  attributes(path): Attributes | undefined {
    const [stat, error] = os.lstat(path);
    if (stat === null || error !== 0) return undefined;
    const type = stat.mode & os.S_IFMT;
    const kind =
      type === os.S_IFREG ? "file" : type === os.S_IFDIR ? "directory" : type === os.S_IFLNK ? "link" : "other";
    return { kind, mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, sizeBytes: stat.size };
  },

  makeDirectory(path, mode) {
    if (os.lstat(path)[1] === 0) return;
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (parent !== "") quickjsHost.makeDirectory(parent, 0o755);
    const made = os.mkdir(path, mode);
    if (made < 0) throw failed("make", path, made);
  },

  remove(path) {
    os.remove(path);
  },

  start({ argv, outputPath, environment: more }: Command): Process {
    const input = os.open("/dev/null", os.O_RDONLY);
    const output = os.open(outputPath ?? "/dev/null", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600);
    const pid = os.exec(argv, {
      block: false,
      ...(input < 0 ? {} : { stdin: input }),
      ...(output < 0 ? {} : { stdout: output, stderr: output }),
      env: { ...environment, ...more },
    });
    for (const fd of [input, output]) if (fd >= 0) os.close(fd);
    let status: number | undefined;
    return {
      poll() {
        if (status !== undefined) return status;
        const [ended, raw] = os.waitpid(pid, os.WNOHANG);
        // The raw status of waitpid(2): a signal in the low seven bits, else the exit code above them.
        if (ended === pid) status = (raw & 0x7f) === 0 ? (raw >> 8) & 0xff : 128 + (raw & 0x7f);
        else if (ended < 0) status = 127;
        return status;
      },
      kill: () => void os.kill(pid, sigkill),
    };
  },

  nowMs: () => os.now(),
  sleepMs: (ms) => os.sleep(ms),
};

function failed(what: string, path: string, error: number): Error {
  return new Error(`cannot ${what} ${path}: ${std.strerror(-error)}`);
}
