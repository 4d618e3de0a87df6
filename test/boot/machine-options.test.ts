import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesSource } from "../../src/core/byte-source.ts";
import {
  type BuiltForBoot,
  buildForBoot,
  sshAddress,
  sshInterface,
  withDisk,
  withGuest,
  withInterfaces,
  withMachine,
} from "./boot.ts";

const yaml = `
extends: cloudimg:base
image:
  name: probe
`;

describe("a machine that looks like a cloud's", { timeout: 300_000 }, () => {
  let built: BuiltForBoot;
  beforeAll(async () => {
    built = await buildForBoot(yaml);
  });
  afterAll(() => built?.remove());

  test("boots by UEFI from nvme, with that cloud's DMI, a further disk, and ssh on a card of its own", async () => {
    const smbios = {
      system: {
        manufacturer: "Tencent Cloud",
        product: "CVM",
        serial: "a,b=c;d",
        uuid: "0e7a6b5c-0000-4000-8000-000000000001",
      },
      chassis: { asset: "HUAWEICLOUD" },
      board: { product: "board" },
    };
    await withGuest(
      built,
      async ({ run }) => {
        const dmi = (name: string) => run(`cat /sys/class/dmi/id/${name}`);
        expect(await dmi("sys_vendor")).toBe("Tencent Cloud");
        expect(await dmi("product_name")).toBe("CVM");
        expect(await dmi("product_serial")).toBe("a,b=c;d");
        expect(await dmi("product_uuid")).toBe("0e7a6b5c-0000-4000-8000-000000000001");
        expect(await dmi("chassis_asset_tag")).toBe("HUAWEICLOUD");
        expect(await dmi("board_name")).toBe("board");
        expect(await run("cat /sys/block/nvme0n1/size")).toBe(String(2 ** 22));
        expect(await run("head -c 4 /dev/vda")).toBe("here");
        expect(await run("ip -o -4 addr show dev eth0 | awk '{print $4}'")).toBe(sshAddress);
      },
      {
        profile: (profile) => ({ ...profile, instance: { ...profile.instance, firmware: "uefi" } }),
        configDrive: (config) => withInterfaces(config, [sshInterface]),
        machine: {
          ...{ smbios, diskBus: "nvme", diskSizeBytes: 2 ** 31, nics: [] },
          extraDisks: [{ source: bytesSource(Buffer.from("here".padEnd(512))), writable: true }],
        },
        sshNic: true,
      },
    );
  });

  test("whose power fails keeps what was flushed", async () => {
    await withDisk(async (diskFile) => {
      const machine = { diskFile };
      await withMachine(
        built,
        async ({ ready, run, line, machine: { cutPower } }) => {
          await line(/cloudimg-init: datasource/);
          await ready();
          await run("echo kept > /kept && sync");
          await cutPower();
        },
        { machine },
      );
      await withGuest(built, async ({ run }) => expect(await run("cat /kept")).toBe("kept"), { machine });
    });
  });
});
