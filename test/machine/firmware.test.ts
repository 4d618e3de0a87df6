import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findArchitecture } from "../../src/machine/architectures.ts";
import { type FindFirmwareRequest, findFirmware } from "../../src/machine/firmware.ts";
import { temporaryDirectory, testContext } from "./support.ts";

const architecture = findArchitecture("amd64") as FindFirmwareRequest["architecture"];

interface Described {
  readonly features?: string[];
  readonly machine?: string;
  readonly architecture?: string;
  readonly device?: string;
  readonly format?: string;
  readonly types?: string[];
  /** The file of variables is not there. */
  readonly isIncomplete?: boolean;
}

const secure = { features: ["requires-smm", "secure-boot", "enrolled-keys"] };

/** Descriptions in the user's directory, before any that this host has. */
function describedBy(descriptions: Record<string, Described | string>) {
  const home = temporaryDirectory();
  const directory = join(home, "qemu/firmware");
  mkdirSync(directory, { recursive: true });
  for (const [name, given] of Object.entries(descriptions)) {
    const file = (suffix: string) => join(home, `${name}.${suffix}`);
    const path = join(directory, `${name}.json`);
    if (typeof given === "string") {
      writeFileSync(path, given);
      continue;
    }
    const { format = "raw", machine = "pc-q35-*", device = "flash", types = ["uefi"], features = [] } = given;
    writeFileSync(file("code"), "code");
    if (given.isIncomplete !== true) writeFileSync(file("vars"), "variables");
    const mapping = {
      device,
      executable: { filename: file("code"), format },
      "nvram-template": { filename: file("vars"), format },
    };
    const targets = [{ architecture: given.architecture ?? "x86_64", machines: [machine] }];
    writeFileSync(path, JSON.stringify({ "interface-types": types, mapping, targets, features, tags: [] }));
  }
  return { home, context: { ...testContext(), environment: { XDG_CONFIG_HOME: home } } };
}

describe("a firmware", () => {
  test("is none for BIOS, which QEMU brings along, where there is one", async () => {
    const context = testContext();
    expect(await findFirmware({ architecture, firmware: "bios", context })).toBeUndefined();
    const other = { ...architecture, hasBios: false };
    await expect(findFirmware({ architecture: other, firmware: "bios", context })).rejects.toMatchObject({
      problems: [{ code: "host/no-firmware", hint: "set instance.firmware to uefi" }],
    });
  });

  test("is chosen by what its description says, in the order of names", async () => {
    const { home, context } = describedBy({
      "00-broken": "{",
      "01-empty": "",
      "02-bios": { types: ["bios"] },
      "03-arm": { architecture: "aarch64", machine: "virt-*" },
      "04-i440fx": { machine: "pc-i440fx-*" },
      "05-memory": { device: "memory" },
      "06-qcow2": { format: "qcow2" },
      "07-incomplete": { isIncomplete: true },
      "08-keyless": { features: ["requires-smm", "secure-boot"] },
      "09-secure": secure,
      "10-plain": {},
      "11-plain": {},
    });
    expect(await findFirmware({ architecture, firmware: "uefi", context })).toEqual({
      codePath: join(home, "10-plain.code"),
      variablesPath: join(home, "10-plain.vars"),
      needsManagementMode: false,
    });
    expect(await findFirmware({ architecture, firmware: "uefi-secure", context })).toEqual({
      codePath: join(home, "09-secure.code"),
      variablesPath: join(home, "09-secure.vars"),
      needsManagementMode: true,
    });
  });

  test("is looked for in Debian's package where the host has none, below where that is unpacked", async () => {
    const { home, context } = describedBy({});
    const directory = join(home, "unpacked");
    const descriptions = join(directory, "usr/share/qemu/firmware");
    mkdirSync(descriptions, { recursive: true });
    mkdirSync(join(directory, "usr/share/other"), { recursive: true });
    for (const name of ["code", "vars"]) writeFileSync(join(directory, "usr/share/other", name), name);
    const mapping = {
      device: "flash",
      executable: { filename: "/usr/share/other/code", format: "raw" },
      "nvram-template": { filename: "/usr/share/other/vars", format: "raw" },
    };
    const targets = [{ architecture: "probe", machines: ["probe-1"] }];
    const text = JSON.stringify({ "interface-types": ["uefi"], mapping, targets, features: [] });
    writeFileSync(join(descriptions, "60-other.json"), text);
    const asked: string[][] = [];
    const obtain = async (packages: string[]) => {
      asked.push(packages);
      return { directory, command: () => [] };
    };
    // Of a processor that no host has firmware for.
    const probe = { ...architecture, qemuName: "probe", firmwareMachine: "probe-" };
    const found = await findFirmware({ architecture: probe, firmware: "uefi", obtain, context });
    expect(found?.codePath).toBe(join(directory, "usr/share/other/code"));
    expect(asked).toEqual([["ovmf"]]);
    await expect(findFirmware({ architecture: probe, firmware: "uefi-secure", obtain, context })).rejects.toMatchObject(
      {
        exitCode: 4,
        problems: [
          {
            code: "host/no-firmware",
            message:
              "cannot start the machine: there is no UEFI firmware with Secure Boot and Microsoft's keys for probe on this host",
            hint: expect.stringContaining("apt install ovmf"),
          },
        ],
      },
    );
  });
});
