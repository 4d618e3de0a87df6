import * as os from "qjs:os";
import * as std from "qjs:std";
import { encodeUtf8 } from "./bytes.ts";
import type { Attributes, Command, Host, Process } from "./host.ts";
import { loadPart } from "./parts.ts";
import { quote } from "./processes.ts";

/** Where busybox and everything else is; init may have set none. */
const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
const sigkill = 9;
/** Half of what a pipe of Linux holds at least where memory pages are small. */
const pipeBytes = 32 << 10;
/** O_SYNC of asm-generic/fcntl.h, the same on all our architectures; QuickJS does not name it. */
const synchronous = 0o4010000;

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

  writeFile(path, content, mode) {
    const temporary = `${path}.cloudimg`;
    os.remove(temporary);
    const fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode);
    if (fd < 0) throw failed("write", path, fd);
    const wrote = writeAll(fd, content);
    os.close(fd);
    const renamed = wrote < 0 ? wrote : os.rename(temporary, path);
    if (renamed < 0) {
      os.remove(temporary);
      throw failed("write", path, renamed);
    }
  },

  writeAt(path, offsetBytes, bytes) {
    const fd = os.open(path, os.O_WRONLY | synchronous);
    if (fd < 0) throw failed("write", path, fd);
    const sought = os.seek(fd, offsetBytes, 0);
    const wrote = sought < 0 ? sought : writeAll(fd, bytes);
    os.close(fd);
    if (wrote < 0) throw failed("write", path, wrote);
  },

  append(path, content) {
    const fd = os.open(path, os.O_WRONLY | os.O_APPEND);
    if (fd < 0) return false;
    const wrote = writeAll(fd, content);
    os.close(fd);
    return wrote >= 0;
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
      type === os.S_IFREG
        ? "file"
        : type === os.S_IFDIR
          ? "directory"
          : type === os.S_IFLNK
            ? "link"
            : type === os.S_IFBLK || type === os.S_IFCHR
              ? "device"
              : "other";
    const device = kind === "device" ? deviceNumbers(stat.rdev) : undefined;
    return { kind, mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, sizeBytes: stat.size, device };
  },

  readLink(path) {
    const [target, error] = os.readlink(path);
    return error === 0 ? target : undefined;
  },

  link(target, path) {
    const temporary = `${path}.cloudimg`;
    os.remove(temporary);
    const made = os.symlink(target, temporary);
    const renamed = made < 0 ? made : os.rename(temporary, path);
    if (renamed < 0) {
      os.remove(temporary);
      throw failed("link", path, renamed);
    }
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

  start(command: Command): Process {
    const { argv, inputPath, openInput, outputPath, errorPath, appendsOutput, directory, isGroup } = command;
    // What fits into a pipe can be written before anybody reads it. Programs that we start close all descriptors but the first three: only we hold the end to write.
    const pipe = openInput === undefined || openInput.length > pipeBytes ? null : os.pipe();
    if (pipe !== null && openInput !== undefined) writeAll(pipe[1], openInput);
    const input = pipe?.[0] ?? os.open(inputPath ?? "/dev/null", os.O_RDONLY);
    const how = appendsOutput === true ? os.O_APPEND : os.O_TRUNC;
    const output = os.open(outputPath ?? "/dev/null", os.O_WRONLY | os.O_CREAT | how, 0o600);
    const errors = errorPath === undefined ? -1 : os.open(errorPath, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600);
    // busybox's setsid becomes the program: the process that we have started leads the session, and its group has its number.
    const pid = os.exec(isGroup === true ? ["setsid", ...argv] : argv, {
      block: false,
      ...(directory === undefined ? {} : { cwd: directory }),
      ...(input < 0 ? {} : { stdin: input }),
      ...(output < 0 ? {} : { stdout: output, stderr: output }),
      ...(errors < 0 ? {} : { stderr: errors }),
      env: { ...environment, ...command.environment },
    });
    for (const fd of [input, output, errors]) if (fd >= 0) os.close(fd);
    let status: number | undefined;
    return {
      poll() {
        if (status !== undefined) return status;
        const [ended, raw] = os.waitpid(pid, os.WNOHANG);
        // The raw status of waitpid(2): a signal in the low seven bits, else the exit code above them.
        if (ended === pid) status = (raw & 0x7f) === 0 ? (raw >> 8) & 0xff : 128 + (raw & 0x7f);
        else if (ended < 0) status = 127;
        if (status !== undefined && pipe !== null) os.close(pipe[1]);
        return status;
      },
      kill: () => void os.kill(isGroup === true ? -pid : pid, sigkill),
    };
  },

  fetch: (request) => loadPart(quickjsHost, "http").fetchThroughPrograms(quickjsHost, request),

  loadScript(name) {
    const variable = `cloudimg_${name.replaceAll("-", "_")}`;
    const defined = globalThis as unknown as Record<string, unknown>;
    if (defined[variable] === undefined) {
      // Beside our own file, which is started by a link.
      const [program] = os.realpath(scriptArgs[0] as string);
      const path = `${program.slice(0, program.lastIndexOf("/"))}/${name}.js`;
      if (os.lstat(path)[1] === 0) std.loadScript(path);
      else if (os.lstat(`${path}.gz`)[1] === 0) std.evalScript(unpack(`${path}.gz`));
      else throw new Error(`this image has no ${path}`);
    }
    return defined[variable];
  },

  nowMs: () => os.now(),
  clockMs: () => Date.now(),
  sleepMs: (ms) => os.sleep(ms),
};

/** Through a pipe: whoever asks may have no right to write anywhere. */
function unpack(path: string): string {
  const pipe = std.popen(`exec gunzip -c ${quote(path)}`, "r");
  if (pipe === null) throw new Error(`cannot unpack ${path}`);
  const text = pipe.readAsString();
  pipe.close();
  return text;
}

/** Zero, or minus errno. */
function writeAll(fd: number, content: string | Uint8Array): number {
  const bytes = typeof content === "string" ? encodeUtf8(content) : content;
  for (let at = 0; at < bytes.length; ) {
    const wrote = os.write(fd, bytes.buffer, bytes.byteOffset + at, bytes.length - at);
    if (wrote <= 0) return wrote === 0 ? -5 : wrote;
    at += wrote;
  }
  return 0;
}

/** As glibc's gnu_dev_major and gnu_dev_minor take them apart; a number beyond 32 bits does not occur. */
function deviceNumbers(number: number): readonly [number, number] {
  return [(number >>> 8) & 0xfff, (number & 0xff) | ((number >>> 12) & 0xfff00)];
}

function failed(what: string, path: string, error: number): Error {
  return new Error(`cannot ${what} ${path}: ${std.strerror(-error)}`);
}
