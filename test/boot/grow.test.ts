import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltForBoot, buildForBoot, withGuest } from "./boot.ts";

const yaml = `
extends: cloudimg:base
image:
  name: probe
packages:
  include:
    - name: util-linux-extra # tells the kernel that a partition in use is larger now
      files: [/usr/bin/resizepart]
instance:
  diskSize: 3GiB
`;

describe("a root file system on a larger disk", { timeout: 300_000 }, () => {
  let built: BuiltForBoot;
  beforeAll(async () => {
    built = await buildForBoot(yaml);
  });
  afterAll(() => built?.remove());

  test("is mounted read-write, and grows online with the kernel's own resize", async () => {
    await withGuest(built, async ({ run }) => {
      expect(await run("awk '$2 == \"/\" {print $3, substr($4, 1, 3)}' /proc/mounts | tail -n 1")).toBe("ext4 rw,");
      const before = Number(await run("stat -f -c %b /"));
      const sectors = async (path: string) => Number(await run(`cat /sys/block/vda/${path}`));
      const room = (await sectors("size")) - (await sectors("vda1/start"));
      await run(`resizepart /dev/vda 1 ${room}`);
      await run("resize2fs /dev/vda1");
      const after = Number(await run("stat -f -c %b /"));
      expect(after * 4096).toBeGreaterThan(2.8 * 1024 ** 3);
      expect(before).toBeLessThan(after / 10);
      await run("dd if=/dev/urandom of=/big bs=1M count=64 2>/dev/null && sync && sha256sum /big");
      expect(await run("dmesg | grep -ci 'ext4-fs error' || true")).toBe("0");
    });
  });
});
