import { randomBytes } from "node:crypto";
import { obtainTools } from "../../src/build/tools.ts";
import { createContext } from "../../src/commands/environment.ts";
import { openDiskImage } from "../../src/machine/disk-image.ts";
import type { Obtain } from "../../src/machine/find-qemu.ts";
import { findFirmware } from "../../src/machine/firmware.ts";
import type { MachineRequest } from "../../src/machine/machine.ts";
import { startMachine } from "../../src/machine/start.ts";
import type { Firmware } from "../../src/profile/machine-words.ts";
import { testContext, testQemu } from "../machine/support.ts";

interface BootOptions extends Partial<Omit<MachineRequest, "firmware">> {
  readonly firmware: Firmware;
  /** Default: amd64. */
  readonly arch?: "amd64" | "arm64" | "riscv64";
  readonly limitMs?: number;
  /** Ends the machine once a line holds it; without it, the machine must end itself. */
  readonly until?: RegExp;
}

/** Boots an image until the machine ends or says what is waited for; gives what was on the serial console. */
export async function bootImage(path: string, options: BootOptions): Promise<string> {
  const { firmware: name, arch = "amd64", limitMs = 120_000, until, ...changes } = options;
  const tools = createContext(() => {}, new AbortController().signal, undefined);
  const obtain: Obtain = (packages) => obtainTools(packages, tools);
  const qemu = await testQemu(arch);
  const firmware = await findFirmware({ architecture: qemu.architecture, firmware: name, obtain, context: tools });
  const lines: string[] = [];
  let onSeen = () => {};
  const seen = new Promise<string>((resolve) => {
    onSeen = () => resolve("seen");
  });
  const machine = await startMachine(
    {
      ...{ id: `boot-${randomBytes(4).toString("hex")}`, image: path, qemu, acceleration: "tcg", cpus: 1, nics: [] },
      ...{ disk: openDiskImage(path), firmware, memoryBytes: 512 * 1024 ** 2, forwards: [], ...changes },
      onConsole(line) {
        lines.push(line);
        if (until?.test(line)) onSeen();
      },
    },
    testContext(),
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve("late"), limitMs);
  });
  try {
    const ending = await Promise.race([machine.died, seen, late]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own
    const said = lines.join("\n").replace(/\x1b\[[0-9;]*[A-Za-z]|\x1b[()][A-Z0-9]|\r/g, "");
    const expected = until === undefined ? "the guest powered off" : "seen";
    if (ending !== expected) throw new Error(`${ending}, not ${expected}; on the console:\n${said}`);
    return said;
  } finally {
    clearTimeout(timer);
    await machine.stop(0);
  }
}
