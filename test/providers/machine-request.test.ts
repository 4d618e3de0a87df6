import { expect, test } from "vitest";
import { obtainTools } from "../../src/build/tools.ts";
import { createContext } from "../../src/commands/environment.ts";
import { emptySource } from "../../src/core/byte-source.ts";
import { instanceConfig } from "../../src/guest-config/from-profile.ts";
import type { BootFrom } from "../../src/machine/disks.ts";
import { profileSchema } from "../../src/profile/schema.ts";
import { machineRequest } from "../../src/providers/local/machine-request.ts";

/** What firmware a profile's machine gets, and what it boots from. */
async function machineFor(profile: object, bootFrom?: BootFrom) {
  const context = createContext(() => {}, new AbortController().signal, undefined);
  const parsed = profileSchema.parse({ image: { name: "probe" }, provider: { local: { accel: "tcg" } }, ...profile });
  const request = await machineRequest(
    {
      ...{ profile: parsed, image: "probe.raw", disk: { path: "/probe.raw", format: "raw", sizeBytes: 512 } },
      ...{ config: instanceConfig(parsed, "probe-1", []), configDrive: emptySource, bootFrom },
    },
    (packages) => obtainTools(packages, context),
    context,
  );
  const { firmware } = request;
  const name = firmware === undefined ? "bios" : firmware.needsManagementMode ? "uefi-secure" : "uefi";
  return { firmware: name, bootFrom: request.bootFrom };
}

test.for<[string, object, string, BootFrom]>([
  ["nothing of it", {}, "bios", "disk"],
  ["one", { instance: { firmware: "uefi" } }, "uefi", "disk"],
  ["Secure Boot", { instance: { firmware: "uefi-secure" } }, "uefi-secure", "disk"],
  ["a table that BIOS cannot boot", { disk: { partitionTable: "efi" } }, "uefi", "disk"],
  ["a CD", { disk: { fileSystem: "iso9660" } }, "bios", "cdrom"],
])("a profile that says %s", { timeout: 120_000 }, async ([, profile, firmware, bootFrom]) => {
  expect(await machineFor(profile)).toEqual({ firmware, bootFrom });
});

test.for<[string, object, RegExp]>([
  [
    "a firmware that the image does not boot by",
    { disk: { partitionTable: "legacy" }, instance: { firmware: "uefi" } },
    /cannot start probe by uefi: it boots by bios$/,
  ],
  [
    "Secure Boot for what nobody signs",
    { disk: { partitionTable: "efi" }, boot: { efi: "uki" }, instance: { firmware: "uefi-secure" } },
    /by uefi-secure: it boots by uefi$/,
  ],
  ["no boot loader", { disk: { partitionTable: "none", fileSystem: "squashfs" } }, /probe: it has no boot loader$/],
])("%s is an error", async ([, profile, message]) => {
  await expect(machineFor(profile)).rejects.toThrow(message);
});

test("a kernel that is handed over needs no boot loader", async () => {
  const bootFrom = { kernelPath: "/kernel", cmdline: "quiet" };
  const profile = { disk: { partitionTable: "none", fileSystem: "squashfs" } };
  expect(await machineFor(profile, bootFrom)).toEqual({ firmware: "bios", bootFrom });
});
