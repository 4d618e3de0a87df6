import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { obtainTools } from "../../src/build/tools.ts";
import { configDriveSource } from "../../src/commands/config-drive-source.ts";
import { instanceConfig } from "../../src/guest-config/from-profile.ts";
import { openDiskImage } from "../../src/machine/disk-image.ts";
import { startMachine } from "../../src/machine/start.ts";
import { firmwaresOf } from "../../src/profile/choices.ts";
import type { Firmware } from "../../src/profile/machine-words.ts";
import { observeBoot } from "../../src/providers/boot-observer.ts";
import { machineRequest } from "../../src/providers/local/machine-request.ts";
import { runSmoke } from "../../src/smoke/run.ts";
import { type BuiltForBoot, buildForBoot, withGuest } from "./boot.ts";

/** Every partition table with both kinds of root, on every firmware that it claims to boot by. */
const images: readonly [disk: string, more: string, claims: readonly Firmware[]][] = [
  ["partitionTable: universal", "", ["bios", "uefi", "uefi-secure"]],
  ["partitionTable: universal, fileSystem: squashfs", "", ["bios", "uefi", "uefi-secure"]],
  ["partitionTable: hybrid", "", ["bios", "uefi", "uefi-secure"]],
  ["partitionTable: hybrid, fileSystem: squashfs, squashfs: { overlay: data }", "", ["bios", "uefi", "uefi-secure"]],
  ["partitionTable: efi", "", ["uefi", "uefi-secure"]],
  ["partitionTable: efi, fileSystem: squashfs", "boot: { efi: uki }", ["uefi"]],
  ["partitionTable: legacy", "", ["bios"]],
  ["partitionTable: legacy, fileSystem: squashfs, squashfs: { compression: xz }", "", ["bios"]],
  ["partitionTable: legacy+gpt", "", ["bios"]],
  ["partitionTable: legacy+gpt, fileSystem: squashfs, squashfs: { compression: gzip }", "", ["bios"]],
  ["partitionTable: none", "", ["bios"]],
  ["partitionTable: efi", "image: { name: matrix, arch: arm64 }", ["uefi", "uefi-secure"]],
  // Not every mirror has the security archive of this processor.
  ["partitionTable: efi", "image: { name: matrix, arch: riscv64 }\npackages: { security: false }", ["uefi"]],
  ["fileSystem: iso9660, label: LIVE", "", ["bios", "uefi", "uefi-secure"]],
];

describe.each(images)("disk: { %s } %s", { timeout: 240_000 }, (disk, more, claims) => {
  let built: BuiltForBoot;
  beforeAll(async () => {
    built = await buildForBoot(`extends: cloudimg:base
${more.startsWith("image:") ? "" : "image: { name: matrix }"}
disk: { ${disk} }
${more}
output: { formats: [raw] }
services: { http: { page: "<h1>It works</h1>" } }
smoke: { http: [{ path: /, body: "<h1>It works</h1>" }] }
`);
  }, 120_000);
  afterAll(() => built.remove());

  test("says what it boots by", () => expect([...firmwaresOf(built.profile)].sort()).toEqual([...claims].sort()));

  test.each(claims)("boots by %s, is reached by ssh and serves its page", async (firmware) => {
    await withGuest(
      built,
      async ({ run, instance }) => {
        const { results } = await runSmoke({
          ...{ http: instance.http, checks: built.profile.smoke, defaultTimeoutMs: 60_000 },
          ...{ signal: built.context.signal, died: instance.died },
        });
        expect(results.map(({ ok, detail }) => ({ ok, detail }))).toMatchObject([{ ok: true }]);
        const byUefi = await run("[ -d /sys/firmware/efi ] && echo yes || echo no");
        const secure = await run("dmesg | grep -ci 'secure boot enabled' || true");
        expect({ byUefi, secure: secure !== "0" }).toEqual({
          byUefi: firmware === "bios" ? "no" : "yes",
          secure: firmware === "uefi-secure",
        });
        const root = await run("grep ' / ' /proc/mounts | tail -n 1");
        expect(root).toMatch(/squashfs|iso9660/.test(disk) ? /^overlay \/ overlay rw/ : /^\/dev\/\w+ \/ ext4 rw/);
        await run("touch /etc/changed && ls /boot/vmlinuz-* /boot/initrd.img-*");
      },
      { profile: (profile) => ({ ...profile, instance: { ...profile.instance, firmware } }) },
    );
  });
});

test("a bare squashfs, whose kernel the machine is handed", { timeout: 240_000 }, async () => {
  const built = await buildForBoot(`extends: cloudimg:base
image: { name: bare }
disk: { partitionTable: none, fileSystem: squashfs }
output: { formats: [raw] }
smoke: { http: [{ path: / }] }
`);
  try {
    const { profile, context, files } = built;
    const path = (files[0] as (typeof files)[number]).path;
    const beside = (extension: string) => path.replace(/\.raw$/, extension);
    const config = instanceConfig(profile, `bare-${process.pid}`, []);
    const boot = observeBoot();
    const request = await machineRequest(
      {
        ...{ profile, image: path, disk: openDiskImage(path), config, configDrive: configDriveSource(config) },
        bootFrom: {
          ...{ kernelPath: beside(".vmlinuz"), initrdPath: beside(".initrd") },
          cmdline: `root=/dev/vda ${profile.kernel.cmdline.join(" ")}`,
        },
      },
      (names) => obtainTools(names, context),
      context,
    );
    const machine = await startMachine({ ...request, onConsole: boot.line }, context);
    try {
      await boot.ready({ timeoutMs: 120_000, died: machine.died, signal: context.signal });
      const { results } = await runSmoke({
        http: { host: "127.0.0.1", port: machine.ports["http"] as number },
        ...{ checks: profile.smoke, defaultTimeoutMs: 60_000, signal: context.signal, died: machine.died },
      });
      expect(results.map(({ ok, detail }) => ({ ok, detail }))).toMatchObject([{ ok: true }]);
    } finally {
      await machine.stop(0);
    }
  } finally {
    built.remove();
  }
});
