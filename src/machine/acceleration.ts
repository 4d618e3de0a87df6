import { createHash, randomBytes } from "node:crypto";
import { accessSync, constants, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { writeCached } from "../core/cache.ts";
import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { makeDirectory } from "../core/make-directory.ts";
import { bootSector } from "./boot-sector.ts";
import type { Qemu } from "./find-qemu.ts";
import { spawnGuarded } from "./guard.ts";

/** What runs the guest's instructions: the processor by way of Linux or macOS, or QEMU itself. */
export type Acceleration = "kvm" | "hvf" | "tcg";

type ProbeContext = Pick<Context, "directories" | "emit" | "signal">;

/**
 * A real KVM runs the probe in some 0.2 s. Where it takes longer every privileged instruction is emulated, or the guest hangs;
 * QEMU's own emulator is the faster one then.
 */
const probeDeadlineMs = 2_000;
const exitPort = 0xf4;
const exitValue = 0x10;

/**
 * Chooses what the machine runs on. `auto` takes KVM (Linux) or HVF (macOS) if the guest's processor is the host's and, for KVM, a boot was
 * seen to work; else QEMU's own emulator.
 *
 * Errors: `host/no-acceleration` if a named one does not work.
 */
export async function chooseAcceleration(
  asked: Acceleration | "auto",
  qemu: Qemu,
  context: ProbeContext,
): Promise<Acceleration> {
  if (asked === "tcg") return "tcg";
  if (asked === "hvf" || (asked === "auto" && process.platform === "darwin")) {
    const reason = nativeProblem(qemu) ?? (process.platform === "darwin" ? undefined : "only macOS has it");
    if (reason === undefined) return "hvf";
    if (asked === "auto") return "tcg";
    fail("host/no-acceleration", `cannot use hvf: ${reason}`, { hint: "use accel: auto or tcg" });
  }
  const reason = nativeProblem(qemu) ?? deviceProblem() ?? (await rememberedProbe(qemu, context));
  if (reason === undefined) return "kvm";
  if (asked === "kvm") fail("host/no-acceleration", `cannot use kvm: ${reason}`, { hint: "use accel: auto or tcg" });
  context.emit({ type: "log", level: "debug", message: `no KVM: ${reason}` });
  return "tcg";
}

function nativeProblem({ architecture }: Qemu): string | undefined {
  if (process.arch === architecture.hostArch) return undefined;
  return `the image is for another processor than this host's ${process.arch}`;
}

function deviceProblem(): string | undefined {
  if (process.platform !== "linux") return "only Linux has it";
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return "/dev/kvm is missing, or you may not open it";
  }
}

/** The verdict holds for one boot of the host, one kernel and one QEMU; it is kept in the cache. */
async function rememberedProbe(qemu: Qemu, context: ProbeContext): Promise<string | undefined> {
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  const key = [bootId, release(), qemu.version, ...qemu.command].join("\0");
  const path = join(
    context.directories.cache,
    "machine",
    `kvm-${createHash("sha256").update(key).digest("hex").slice(0, 16)}.json`,
  );
  try {
    const { problem } = JSON.parse(readFileSync(path, "utf8"));
    if (problem === null || typeof problem === "string") return problem ?? undefined;
  } catch {
    // Not known yet.
  }
  const problem = await probeAcceleration("kvm", qemu, context);
  const text = `${JSON.stringify({ problem: problem ?? null })}\n`;
  // A cache that cannot be written costs a probe next time, nothing else.
  await writeCached(path, context, [Buffer.from(text)]).catch(() => {});
  return problem;
}

/** Something tiny to boot that ends QEMU with an exit code. */
interface Probe {
  readonly image: Uint8Array;
  words(path: string): string[];
  readonly exitCode: number;
}

const probes: Readonly<Record<string, Probe>> = {
  x86_64: {
    // Below a cylinder, SeaBIOS takes the disk for unreadable.
    image: bootSector([0xb0, exitValue, 0xe6, exitPort, 0xf4, 0xeb, 0xfd], 1024 * 1024),
    words(path) {
      const file = { driver: "file", filename: path };
      const drive = { driver: "raw", "node-name": "disk", "read-only": true, file };
      const disk = ["-blockdev", JSON.stringify(drive), "-device", "virtio-blk-pci,drive=disk,bootindex=0"];
      return ["-device", `isa-debug-exit,iobase=${exitPort},iosize=4`, ...disk];
    },
    // isa-debug-exit: the exit code is (value << 1) | 1.
    exitCode: (exitValue << 1) | 1,
  },
  aarch64: {
    // mov w0, #0x84000008 (PSCI: SYSTEM_OFF); hvc #0; b, for ever
    image: new Uint8Array(Uint32Array.of(0x52800100, 0x72b08000, 0xd4000002, 0x14000000).buffer),
    words: (path) => ["-kernel", path],
    exitCode: 0,
  },
};

/** Boots something tiny that ends QEMU with a known exit code. Undefined if it did so in time, else what went wrong. */
export async function probeAcceleration(
  acceleration: Acceleration,
  qemu: Qemu,
  context: ProbeContext,
  deadlineMs = probeDeadlineMs,
): Promise<string | undefined> {
  const { qemuName, machineType } = qemu.architecture;
  const probe = probes[qemuName];
  if (probe === undefined) return `nobody has tried it for ${qemuName}`;
  const directory = join(context.directories.cache, "machine");
  const path = join(directory, `probe-${process.pid}-${randomBytes(4).toString("hex")}.img`);
  makeDirectory(directory, { hint: "name another cache directory with CLOUDIMG_CACHE" });
  try {
    writeFileSync(path, probe.image);
    const words = [...qemu.command, "-machine", machineType, "-accel", acceleration, "-m", "32M"];
    words.push("-cpu", acceleration === "tcg" ? "max" : "host", "-nodefaults", "-display", "none", "-no-reboot");
    words.push(...probe.words(path));
    return await runProbe(words, probe.exitCode, deadlineMs, context.signal);
  } finally {
    rmSync(path, { force: true });
  }
}

async function runProbe(
  command: readonly string[],
  exitCode: number,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const deadline = AbortSignal.timeout(deadlineMs);
  const child = spawnGuarded(command);
  const stop = () => child.kill();
  deadline.addEventListener("abort", stop);
  signal.addEventListener("abort", stop);
  // After an internal error QEMU stays, paused for ever.
  child.onErrorText((text) => {
    if (internalError.test(text)) stop();
  });
  const { code, errorText } = await child.exited;
  deadline.removeEventListener("abort", stop);
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
  if (code === exitCode && !deadline.aborted) return undefined;
  if (internalError.test(errorText)) return "/dev/kvm opens, but a guest dies in it";
  if (deadline.aborted) return `/dev/kvm opens, but no guest boots in it within ${deadlineMs} ms`;
  const said = errorText.split("\n").filter((line) => line !== "" && !/warning:|^Aborted/.test(line));
  return `/dev/kvm opens, but QEMU ends with code ${code} in it${said.length > 0 ? `: ${said[0]}` : ""}`;
}

const internalError = /KVM internal error/;
