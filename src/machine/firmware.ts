import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import type { Firmware } from "../profile/machine-words.ts";
import type { Architecture } from "./architectures.ts";
import type { Obtain } from "./find-qemu.ts";

/** A firmware that lies in flash memory. */
export interface FlashFirmware {
  /** Only read. */
  readonly codePath: string;
  /** Its variables as they are in a new machine, which gets a copy of its own. */
  readonly variablesPath: string;
  /** Only code in system management mode may write the variables: otherwise whoever runs in the guest could turn Secure Boot off. */
  readonly needsManagementMode: boolean;
}

export interface FindFirmwareRequest {
  readonly architecture: Architecture;
  readonly firmware: Firmware;
  /** How to get it where it is not installed; without it only this host is looked at. */
  readonly obtain?: Obtain | undefined;
  readonly context: Pick<Context, "environment">;
}

/**
 * Finds a UEFI firmware by the descriptions that come with it: this host's, else one from Debian packages. Undefined for a BIOS, which QEMU brings along.
 *
 * Errors: `host/no-firmware`, and those of `obtain`.
 */
export async function findFirmware(request: FindFirmwareRequest): Promise<FlashFirmware | undefined> {
  const { architecture, firmware, obtain, context } = request;
  if (firmware === "bios") {
    if (architecture.hasBios) return undefined;
    fail("host/no-firmware", `cannot start a machine for ${architecture.qemuName} by BIOS: only PCs have one`, {
      hint: "set instance.firmware to uefi",
    });
  }
  const found = inDirectories(hostDirectories(context), "", request);
  if (found !== undefined) return found;
  const packages = architecture.firmwarePackages;
  if (process.platform === "linux" && obtain !== undefined) {
    const { directory } = await obtain([...packages]);
    const unpacked = inDirectories([join(directory, descriptionDirectory)], directory, request);
    if (unpacked !== undefined) return unpacked;
  }
  const what = firmware === "uefi" ? "UEFI firmware" : "UEFI firmware with Secure Boot and Microsoft's keys";
  fail("host/no-firmware", `cannot start the machine: there is no ${what} for ${architecture.qemuName} on this host`, {
    hint: `install it: on Debian and Ubuntu, apt install ${packages.join(" ")}; or set instance.firmware to bios`,
  });
}

const descriptionDirectory = "usr/share/qemu/firmware";

/** Where QEMU's interface says descriptions are (docs/interop/firmware.json): the user's go before the administrator's, those before the distribution's. */
function hostDirectories({ environment }: Pick<Context, "environment">): string[] {
  const { HOME = "/", XDG_CONFIG_HOME = join(HOME, ".config"), HOMEBREW_PREFIX = "/opt/homebrew" } = environment;
  const macOs = process.platform === "darwin" ? [join(HOMEBREW_PREFIX, "share/qemu/firmware")] : [];
  return [join(XDG_CONFIG_HOME, "qemu/firmware"), "/etc/qemu/firmware", `/${descriptionDirectory}`, ...macOs];
}

/** What we read of a description (QEMU, docs/interop/firmware.json). */
const description = z.object({
  "interface-types": z.array(z.string()),
  mapping: z.object({
    device: z.literal("flash"),
    executable: z.object({ filename: z.string(), format: z.literal("raw") }),
    "nvram-template": z.object({ filename: z.string(), format: z.literal("raw") }),
  }),
  targets: z.array(z.object({ architecture: z.string(), machines: z.array(z.string()) })),
  features: z.array(z.string()),
});

/** Of files with the same name the first directory's counts; in the order of their names the first that fits is taken. */
function inDirectories(
  directories: readonly string[],
  root: string,
  request: Pick<FindFirmwareRequest, "architecture" | "firmware">,
): FlashFirmware | undefined {
  const byName = new Map<string, string>();
  for (const directory of directories)
    for (const name of namesIn(directory).filter((name) => name.endsWith(".json")))
      if (!byName.has(name)) byName.set(name, join(directory, name));
  for (const name of [...byName.keys()].sort()) {
    const found = readDescription(byName.get(name) as string, root, request);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Undefined if it is of another firmware, or its files are not there. */
function readDescription(
  path: string,
  root: string,
  { architecture, firmware }: Pick<FindFirmwareRequest, "architecture" | "firmware">,
): FlashFirmware | undefined {
  let parsed: z.infer<typeof description>;
  try {
    parsed = description.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
  const { targets, features, mapping } = parsed;
  const fits = targets.some(
    (target) =>
      target.architecture === architecture.qemuName &&
      target.machines.some((machine) => machine.startsWith(architecture.firmwareMachine)),
  );
  const isSecure = features.includes("secure-boot") && features.includes("enrolled-keys");
  const isPlain = !features.includes("secure-boot") && !features.includes("requires-smm");
  if (!fits || !parsed["interface-types"].includes("uefi")) return undefined;
  if (firmware === "uefi" ? !isPlain : !isSecure) return undefined;
  const codePath = root + mapping.executable.filename;
  const variablesPath = root + mapping["nvram-template"].filename;
  if (![codePath, variablesPath].every(isReadable)) return undefined;
  return { codePath, variablesPath, needsManagementMode: features.includes("requires-smm") };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
